"""One ingress's part of the line: whom it has let in, who waits here, and whose turn it is. PURE.

What there is room for is said in rounds by one scheduler (`admission/<pool>`): for each ingress, how many slots' worth
of sessions it may have, and who of those who wait is granted a place. While it has room, an ingress lets those in, and
who has nobody before them in the whole line; somebody new comes in at once where nobody waits. This ingress says whom
it has, who waits here, and which round it obeys (`lines/<pool>.<me>`), and reads the same of the others, for places in
line are counted over all of them (wire/line.py has the order).

A limit counts from the moment in which it is read, so that what `record` says belongs together. While others cannot
know what is said here, for `GOOD_S` or more, nobody is let in: what was ours may have been given away.

Times are arguments, in seconds of any one monotonic clock.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from ingress.wishes import Wishes
from wire.line import fits, order, wants
from wire.records import AdmissionRecord, Held, LineRecord, Ticket
from wire.topology import LINE_TTL_S

GOOD_S = LINE_TTL_S - 2.0
MOST_WAIT_S = 60
USUAL_WAIT_S = 5
"""When to come again, where nobody knows how fast the line moves."""

NOBODY = Held()


def size_of(wishes: Wishes) -> Held:
    """What this session adds."""
    targets, spoken = wants(wishes.targets, wishes.speech, wishes.options)
    return Held(sessions=1, targets=targets, spoken=spoken)


class Book:
    """`most`: sessions that this ingress takes, whatever there is room for elsewhere."""

    def __init__(self, ingress: str, most: int) -> None:
        self.ingress = ingress
        self.admission: AdmissionRecord | None = None
        self.unruled = False
        """There are schedulers, and they say nothing of room: they are of a version before there was a line."""
        self._most = most
        self._all = NOBODY
        self._held: dict[str, Held] = {}
        self._waiting: dict[str, Ticket] = {}
        self._others: dict[str, tuple[LineRecord, float]] = {}
        self._good_until = 0.0

    # --- who is here ---

    def hold(self, tenant: str, size: Held) -> None:
        self._all = _sum(self._all, size)
        self._held[tenant] = _sum(self._held.get(tenant, NOBODY), size)

    def release(self, tenant: str, size: Held) -> None:
        self._all = _sum(self._all, size, -1)
        self._held[tenant] = _sum(self._held[tenant], size, -1)
        if self._held[tenant] == NOBODY:
            del self._held[tenant]

    def wait(self, ticket: Ticket) -> None:
        self._waiting[ticket.id] = ticket

    def leave(self, ticket: str) -> None:
        self._waiting.pop(ticket, None)

    def record(self) -> LineRecord:
        seen = self.admission.round if self.admission is not None else 0
        return LineRecord(
            ingress=self.ingress, seen=seen, held=dict(self._held), waiting=list(self._waiting.values())
        )  # fmt: skip

    # --- what others say ---

    def obey(self, admission: AdmissionRecord | None) -> None:
        """From now on. A round that is over is not gone back to."""
        if admission is not None and (self.admission is None or admission.round > self.admission.round):
            self.admission = admission

    def hear(self, ingress: str, record: LineRecord | None, now: float) -> None:
        """What an ingress says; None: it has gone."""
        self._others.pop(ingress, None)
        if record is not None and ingress != self.ingress:
            self._others[ingress] = record, now

    def forget(self, now: float) -> None:
        """Those that have been silent go without a word."""
        for name, (_, heard) in list(self._others.items()):
            if now - heard > LINE_TTL_S:
                del self._others[name]

    def told(self, at: float) -> None:
        """Others know since `at` what was said here."""
        self._good_until = at + GOOD_S

    def lapsed(self, now: float) -> bool:
        """Whether the others have known nothing of this ingress for so long that it must ask anew."""
        return now >= self._good_until

    # --- whose turn it is ---

    def has_room(self, size: Held, now: float) -> bool:
        """For somebody new, at once: nobody waits anywhere."""
        return not self.crowd() and self._fits(_newcomer(size), now)

    def advance(self, now: float) -> tuple[list[Ticket], dict[str, int]]:
        """Let in whose turn it is: they are held from here on. For each who goes on waiting, how many are before it."""
        if not self._waiting:
            return [], {}
        let_in: list[Ticket] = []
        ahead: dict[str, int] = {}
        before = 0
        granted = set(self.admission.granted) if self.admission is not None else set()
        for ingress, ticket in self._order():
            if ingress == self.ingress:
                if (before == 0 or ticket.id in granted) and self._fits(ticket, now):
                    del self._waiting[ticket.id]
                    self.hold(ticket.tenant, Held(sessions=1, targets=ticket.targets, spoken=ticket.spoken))
                    let_in.append(ticket)
                    continue
                ahead[ticket.id] = before
            before += 1
        return let_in, ahead

    def crowd(self) -> int:
        """How many wait, everywhere."""
        return len(self._waiting) + sum(len(record.waiting) for record, _ in self._others.values())

    def may_wait(self, tenant: str, most: int) -> bool:
        """Whether one more of this tenant may wait, where `most` may. When so many do, a tenant may still have its
        share of the places (`most` over the tenants that wait), so that none fills the line for the others: for n
        tenants it is longer than `most` by a factor of ln n + 1 at worst."""
        if self.crowd() < most:
            return True
        tenants = Counter(ticket.tenant for line in self._lines() for ticket in line.waiting)
        return tenants[tenant] < most // len(tenants.keys() | {tenant})

    def eta(self, ahead: int) -> float | None:
        """Seconds until somebody with so many before them is let in, as things go now."""
        now = self.admission
        if now is None or now.closed or now.a_minute <= 0:
            return None
        return round(60 * (ahead + 1) / now.a_minute, 1)

    def retry_after(self) -> int:
        """Seconds after which it may be worth to come again, for one who cannot wait here."""
        known = self.eta(self.crowd())
        return USUAL_WAIT_S if known is None else max(1, min(MOST_WAIT_S, round(known)))

    def reason(self) -> str:
        """Why nobody comes in at once, for a person."""
        if self.admission is not None and self.admission.closed:
            return f"nobody is let in now: {self.admission.closed}"
        return "there is no room for another session now: try again"

    def _order(self) -> list[tuple[str, Ticket]]:
        lines = self._lines()
        return order(lines) if self.admission is None else order(lines, self.admission.prices)

    def _lines(self) -> list[LineRecord]:
        return [self.record(), *(record for record, _ in self._others.values())]

    def _fits(self, ticket: Ticket, now: float) -> bool:
        if self.lapsed(now) or self._all.sessions >= self._most:
            return False
        if self.admission is None:
            return self.unruled
        return fits(LineRecord(ingress=self.ingress, held={"": self._all}), ticket, self.admission)


def _newcomer(size: Held) -> Ticket:
    return Ticket(id="", tenant="", since=0.0, targets=size.targets, spoken=size.spoken)


def _sum(one: Held, other: Held, times: int = 1) -> Held:
    return msgspec.structs.replace(
        one,
        sessions=one.sessions + times * other.sessions,
        targets=one.targets + times * other.targets,
        spoken=one.spoken + times * other.spoken,
    )
