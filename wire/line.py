"""The line of those who wait to be let in: whose turn it is. PURE.

Everybody reads the same records, the `lines` of all ingresses, and works out the same order: the scheduler that gives
room gives it in this order, and an ingress tells those who wait at its doors their places in it.

Within a tenant, who came first is first. Between tenants the order is fair by max-min: the next in line is always of
the tenant that has the least, in slots' worth of sessions that it holds and of those before it in line; of equals, who
came first. So one tenant's crowd never keeps another's first session waiting for more than one turn, and a tenant that
is alone has everything.

A session's load is what it asks for, at the prices of the day. None counts as more than all there is: where a
session is larger than the whole pool it is let in alone, and not never.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from wire.options import Options
from wire.records import AdmissionRecord, Held, LineRecord, PoolUse, Prices, Ticket

EVEN = Prices(session=1.0)
"""Each session counts as one, whatever it asks for: while nobody has said a price."""

ROUNDING = 1e-6
"""Slots: limits are sums of prices, added up in one order here and in another there."""


def wants(targets: Sequence[str], speech: bool, options: Options) -> tuple[int, int]:
    """How many translations, and how many spoken ones, an utterance of such a session asks for at most: of two
    languages `between` which people speak, one is what was said."""
    heard_in = 1 if options.between else 0
    spoken = targets if options.spoken is None else [target for target in targets if target in options.spoken]
    return max(0, len(targets) - heard_in), max(0, len(spoken) - heard_in) if speech else 0


def load(use: Held | PoolUse, prices: Prices) -> float:
    """Slots that these sessions keep busy."""
    return use.sessions * prices.session + use.targets * prices.target + use.spoken * prices.spoken


def price(ticket: Ticket, prices: Prices) -> float:
    """Slots that this one will keep busy."""
    return prices.session + ticket.targets * prices.target + ticket.spoken * prices.spoken


def held(line: LineRecord) -> Held:
    """All that an ingress has let in."""
    return Held(
        sessions=sum(each.sessions for each in line.held.values()),
        targets=sum(each.targets for each in line.held.values()),
        spoken=sum(each.spoken for each in line.held.values()),
    )


def fits(line: LineRecord, ticket: Ticket, admission: AdmissionRecord) -> bool:
    """Whether this ingress has room for that one. It asks for those who are granted, and for the first in the whole
    line: where a session has ended here, who comes in next is not who waits here, but who is next."""
    if admission.closed:
        return False
    most = admission.limits.get(line.ingress, 0.0) + ROUNDING
    wanted = min(price(ticket, admission.prices), admission.capacity)
    return load(held(line), admission.prices) + wanted <= most


def order(lines: Iterable[LineRecord], prices: Prices = EVEN) -> list[tuple[str, Ticket]]:
    """All who wait, the next first, each with the ingress where it waits."""
    return list(turns(lines, prices))


def turns(lines: Iterable[LineRecord], prices: Prices = EVEN) -> Iterator[tuple[str, Ticket]]:
    """The same, one by one: who needs only the first few need not ask for all."""
    has: defaultdict[str, float] = defaultdict(float)
    came: defaultdict[str, list[tuple[float, str, str, Ticket]]] = defaultdict(list)
    for line in lines:
        for tenant, use in line.held.items():
            has[tenant] += load(use, prices)
        for ticket in line.waiting:
            came[ticket.tenant].append((ticket.since, ticket.id, line.ingress, ticket))
    queues: dict[str, Iterator[tuple[float, str, str, Ticket]]] = {}
    heads: list[tuple[float, float, str, str, str, Ticket]] = []
    for tenant, tickets in came.items():
        tickets.sort(key=_first_come)
        queue = queues[tenant] = iter(tickets)
        since, id, ingress, ticket = next(queue)
        heads.append((has[tenant], since, id, ingress, tenant, ticket))
    heapq.heapify(heads)
    while heads:
        least, _, _, ingress, tenant, ticket = heads[0]
        yield ingress, ticket
        following = next(queues[tenant], None)
        if following is None:
            heapq.heappop(heads)
            continue
        since, id, ingress, after = following
        heapq.heapreplace(heads, (least + price(ticket, prices), since, id, ingress, tenant, after))


def _first_come(entry: tuple[float, str, str, Ticket]) -> tuple[float, str, str]:
    return entry[:3]
