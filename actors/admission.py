"""Who is let in: the next AdmissionRecord of a pool. PURE: one decision on what is seen, taken by one scheduler at a
time.

Capacity is handed out as credits: each ingress has a limit, in slots' worth of sessions, and lets people in by itself
while that suffices. What is free goes

    1  to those who wait, in the order of the line (`wire.line`), as far as it reaches. The first for whom it does not
       suffice is waited for: a large session is not overtaken for ever by small ones. They are named (`granted`), so
       that an ingress where sessions end does not let in its own past those who are first
    2  with nobody left waiting, to all ingresses alike, in advance, so that a newcomer costs no round trip. Limits that
       are about even stay as they are

and nothing is free while the pool is `closed`.

Messages are late, so an ingress may go by a limit that is not its own any more. What was taken from one is therefore
given to another only when the first has said (`seen`) that it knows: until then it counts in full (`lowered`), and is
not lowered again, so that the end of that comes. So the sum of what ingresses may hold is never more than the
capacity, however late they hear, and whoever decides, for all of this is in the record; it is more only when the
capacity itself shrinks. Nobody who is in is put out then; nobody is let in until there is room.

What is held is what ingresses say, or what schedulers see, whichever is more: sessions whose ingress died live on for a
minute, and come back elsewhere without asking.

The pool is closed while no node may work, and while finals wait too long before a node begins: from `max_wait_s` on,
until it is half of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from actors import capacity
from wire import line
from wire.line import ROUNDING
from wire.matching import Rules
from wire.records import AdmissionRecord, Held, LineRecord, Lowered, NodeRecord, PoolUse, Prices, Ticket

NO_NODE = "no node is ready"
LATE = "finals wait too long before a node begins"
DIGITS = 9


class Terms(msgspec.Struct, frozen=True):
    """What an operator sets."""

    rules: Rules = Rules()
    target_utilization: float = 0.8
    max_wait_s: float = 1.5


class Seen(msgspec.Struct, frozen=True):
    """One pool, as it is seen now: its nodes whose heart beats, the lines of the ingresses that live, and what each
    scheduler that lives says of it."""

    nodes: Sequence[NodeRecord] = ()
    lines: Sequence[LineRecord] = ()
    uses: Sequence[PoolUse] = ()


class Share(msgspec.Struct):
    """One ingress. It holds `held`; by all that it may know it may hold `bound`. It should have `wanted`."""

    held: float
    limit: float
    bound: float
    late: Lowered | None
    wanted: float


def decide(
    previous: AdmissionRecord | None, seen: Seen, terms: Terms, by: str, a_minute: float = 0.0
) -> AdmissionRecord:
    """`previous` is the record as it stands. The new one is of another round only if what ingresses go by has
    changed."""
    nodes = capacity.able(seen.nodes, terms.rules)
    prices = capacity.prices(nodes, seen.uses, previous.prices if previous else None)
    everybody = _together([line.held(each) for each in seen.lines])
    usual = capacity.usual(max(everybody, _together(seen.uses), key=lambda held: held.sessions), prices)
    slots = capacity.capacity(nodes, terms.target_utilization, usual)
    used = max(line.load(everybody, prices), sum(line.load(use, prices) for use in seen.uses))
    closed = _closed(previous, nodes, seen.uses, terms)
    shares = {each.ingress: _share(each, previous, prices) for each in seen.lines}
    orphans = used - line.load(everybody, prices)
    wanted = _want(shares, seen, prices, slots, orphans, usual, closed)
    number = max([previous.round if previous else 0, *(each.seen for each in seen.lines)]) + 1
    limits, lowered = _settle(shares, wanted, slots - orphans, number)
    granted = [ticket.id for ingress, ticket, reached in wanted if reached <= limits[ingress] + ROUNDING]
    record = AdmissionRecord(
        round=number,
        by=by,
        capacity=round(slots, DIGITS),
        used=round(used, DIGITS),
        streams=round(slots / usual, 3),
        prices=prices,
        limits=limits,
        lowered=lowered,
        granted=granted,
        a_minute=round(a_minute, 3),
        closed=closed,
    )
    if previous is None or not _same(previous, record):
        return record
    return msgspec.structs.replace(
        record, round=previous.round, limits=previous.limits, lowered=previous.lowered, granted=previous.granted
    )


def _together(held: Sequence[Held] | Sequence[PoolUse]) -> Held:
    return Held(
        sessions=sum(each.sessions for each in held),
        targets=sum(each.targets for each in held),
        spoken=sum(each.spoken for each in held),
    )


def _closed(
    previous: AdmissionRecord | None, nodes: Sequence[NodeRecord], uses: Sequence[PoolUse], terms: Terms
) -> str:
    if not nodes:
        return NO_NODE
    late = previous is not None and previous.closed == LATE
    patience = terms.max_wait_s / 2 if late else terms.max_wait_s
    return LATE if any(use.wait_s > patience for use in uses) else ""


def _share(said: LineRecord, previous: AdmissionRecord | None, prices: Prices) -> Share:
    held = line.load(line.held(said), prices)
    limit = previous.limits.get(said.ingress, 0.0) if previous else 0.0
    late = previous.lowered.get(said.ingress) if previous else None
    late = late if late is not None and said.seen < late.round else None
    return Share(held=held, limit=limit, bound=max(held, limit, late.most if late else 0.0), late=late, wanted=held)


Grant = tuple[str, Ticket, float]
"""Of this ingress, this one, when its limit has reached so much."""


def _want(
    shares: Mapping[str, Share],
    seen: Seen,
    prices: Prices,
    slots: float,
    orphans: float,
    usual: float,
    closed: str,
) -> list[Grant]:
    """Fill in what each ingress should have, once all know what they have. Returns those who wait and are to be let
    in, in order."""
    if closed:
        return []
    free = slots - orphans - sum(share.held for share in shares.values())
    granted: list[Grant] = []
    for ingress, ticket in line.turns(seen.lines, prices):
        costs = min(line.price(ticket, prices), slots)
        if costs > free + ROUNDING:
            return granted
        free -= costs
        shares[ingress].wanted += costs
        granted.append((ingress, ticket, shares[ingress].wanted))
    _spread(shares, max(0, int((free + ROUNDING) / usual)), usual, slots - orphans)
    return granted


def _spread(shares: Mapping[str, Share], sessions: int, usual: float, slots: float) -> None:
    """Room for so many more sessions, in advance. Where limits stand so that all have about their part, they stay."""
    if not shares:
        return
    each, more = divmod(sessions, len(shares))
    ranked = sorted(shares.items(), key=lambda entry: (entry[1].wanted - entry[1].limit, entry[0]))
    parts = {name: usual * (each + (place < more)) for place, (name, _) in enumerate(ranked)}
    stands = sum(max(share.limit, share.held) for share in shares.values()) <= slots + ROUNDING
    even = all(share.wanted + parts[name] / 2 <= share.limit + ROUNDING for name, share in shares.items())
    for name, share in shares.items():
        share.wanted = share.limit if stands and even else share.wanted + parts[name]


def _settle(
    shares: Mapping[str, Share], granted: Sequence[Grant], slots: float, number: int
) -> tuple[dict[str, float], dict[str, Lowered]]:
    """The limits of the round `number`: less at once, more as far as what others may still hold leaves room, first for
    those who wait, in their order."""
    limits: dict[str, float] = {}
    lowered: dict[str, Lowered] = {}
    for name, share in shares.items():
        limits[name] = share.limit
        if share.late is not None:
            lowered[name] = share.late
        elif share.wanted < share.limit - ROUNDING:
            limits[name] = share.wanted
            lowered[name] = Lowered(round=number, most=share.bound)
    free = slots - sum(share.bound for share in shares.values())
    steps = [(name, reached) for name, _, reached in granted]
    steps += [(name, share.wanted) for name, share in sorted(shares.items())]
    for name, wanted in steps:
        share = shares[name]
        more = max(0.0, wanted - share.bound)
        if more > max(0.0, free) + ROUNDING:
            break
        free -= more
        share.bound += more
        limits[name] = max(limits[name], wanted)
    return {name: round(limit, DIGITS) for name, limit in limits.items()}, lowered


def _same(one: AdmissionRecord, other: AdmissionRecord) -> bool:
    """Whether ingresses that go by the one need not hear of the other, which follows it."""
    return (
        one.round == other.round - 1
        and one.closed == other.closed
        and one.prices == other.prices
        and abs(one.capacity - other.capacity) < ROUNDING
        and set(one.granted) >= set(other.granted)
        and one.limits.keys() == other.limits.keys()
        and all(abs(limit - other.limits[name]) < ROUNDING for name, limit in one.limits.items())
    )
