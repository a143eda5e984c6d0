"""Watches who waits and what there is, and says who is let in: the shell around `actors.admission`.

Every scheduler follows the lines of the ingresses; the owner of one certain partition decides and writes, at once when
something changes, but not more often than every PAUSE_S. It writes with the expectation that nobody else has since it
read: one that lost its turn without noticing is refused, and reads everything anew. Who takes over begins with what the
buckets hold at that moment, so that no ingress is taken for dead because it was not heard of yet.

With no scheduler at all the last record stands, and ingresses go by it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable

from actors.admission import LATE, Seen, Terms, decide
from actors.turnover import Turnover
from wire import subjects, topology
from wire.bus import Bus
from wire.errors import ProtocolViolation, Stale, Unavailable
from wire.kv import Bucket
from wire.log import get
from wire.records import AdmissionRecord, LineRecord, NodeRecord, SchedulerRecord

log = get(__name__)

LOOK_S = 0.5
PAUSE_S = 0.1
TELL_S = 2.0
"""What is only to be read (what is used, how many a minute) is written no more often."""
AGAIN_S = 10.0
"""What has not changed is written again after so long: NATS may have lost it."""


class Admitting:
    """`mine` says whether it is this scheduler's turn; `nodes` and `schedulers` are those that live. Of `counters`,
    `admission_rounds` are rounds that were written, and `admission_fenced` writes that were refused."""

    def __init__(
        self,
        bus: Bus,
        instance: str,
        terms: Terms,
        mine: Callable[[], bool],
        nodes: Callable[[], Iterable[NodeRecord]],
        schedulers: Callable[[], Iterable[SchedulerRecord]],
    ) -> None:
        self._bus = bus
        self._instance = instance
        self._terms = terms
        self._mine = mine
        self._nodes = nodes
        self._schedulers = schedulers
        self._admission = Bucket(bus, subjects.ADMISSION_KV, AdmissionRecord)
        self._lines_kv = Bucket(bus, subjects.LINES_KV, LineRecord)
        self._lines: dict[str, tuple[float, LineRecord]] = {}  # key -> when it was heard, by the monotonic clock
        self._standing: dict[str, tuple[AdmissionRecord, int, float]] = {}  # pool -> record, revision, written
        self._turnovers: dict[str, Turnover] = {}
        self._deciding = False
        self._stirred = asyncio.Event()
        self.counters: Counter[str] = Counter()

    async def watch_lines(self) -> None:
        """For ever."""
        await self._lines_kv.follow(self._line_changed)

    def _line_changed(self, key: str, record: LineRecord | None) -> None:
        now = time.monotonic()
        if record is None:
            self._lines.pop(key, None)
        else:
            if key not in self._lines:
                self._forget_silent(now)
            self._lines[key] = (now, record)
        self._stirred.set()

    def _forget_silent(self, now: float) -> None:
        """Ingresses that went without a word."""
        self._lines = {key: seen for key, seen in self._lines.items() if seen[0] > now - topology.LINE_TTL_S}

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                if self._mine() and self._bus.connected:
                    await self.look()
                else:
                    self._deciding = False
            except (Unavailable, ProtocolViolation) as error:
                self._deciding = False
                log.info("nobody was let in anew", reason=error.code)
            await asyncio.sleep(PAUSE_S)
            try:
                async with asyncio.timeout(LOOK_S - PAUSE_S):
                    await self._stirred.wait()
            except TimeoutError:
                pass
            self._stirred.clear()

    async def look(self) -> None:
        """Decide once for each pool. Raises NatsUnavailable, ProtocolViolation."""
        if not self._deciding:
            await self._begin()
        now = time.monotonic()
        self._forget_silent(now)
        nodes = list(self._nodes())
        pools = {pool for node in nodes for pool in node.pools if node.ready}
        pools |= {subjects.line_of_key(key)[0] for key in self._lines} | self._standing.keys()
        for pool in sorted(pools):
            await self._decide(pool, self._seen(pool, nodes), now)

    async def _begin(self) -> None:
        """What stands in the buckets, now that it is this one's turn."""
        lines = await self._lines_kv.items()
        self._lines = {key: (time.monotonic(), record) for key, record in lines.items()}
        self._standing.clear()
        self._turnovers.clear()
        for pool in await self._admission.items():
            await self._read(pool)
        self._deciding = True

    async def _read(self, pool: str) -> None:
        entry = await self._admission.entry(pool)
        if entry is not None:
            self._standing[pool] = (*entry, time.monotonic())

    def _seen(self, pool: str, nodes: Iterable[NodeRecord]) -> Seen:
        return Seen(
            [node for node in nodes if pool in node.pools],
            [record for key, (_, record) in self._lines.items() if subjects.line_of_key(key)[0] == pool],
            [record.pools[pool] for record in self._schedulers() if pool in record.pools],
        )

    async def _decide(self, pool: str, seen: Seen, now: float) -> None:
        before, revision, written = self._standing.get(pool, (None, 0, 0.0))
        turnover = self._turnovers.setdefault(pool, Turnover())
        waiting = {ticket.id for line in seen.lines for ticket in line.waiting}
        turnover.look(now, waiting)
        record = decide(before, seen, self._terms, self._instance, turnover.a_minute)
        turnover.grant(record.granted, waiting)
        patience = AGAIN_S if record == before else TELL_S
        if before is not None and record.round == before.round and now < written + patience:
            return
        try:
            if before is None:
                created = await self._admission.create(pool, record)
                if created is None:
                    raise Stale(pool)
                revision = created
            else:
                revision = await self._admission.renew(pool, record, revision, patience=topology.LEASE_RENEW_S)
        except Stale:
            self.counters["admission_fenced"] += 1
            self._deciding = False
            log.warning("another says who is let in: reading anew", pool=pool, round=record.round)
            return
        self._standing[pool] = (record, revision, now)
        self.counters["admission_rounds"] += before is None or record.round != before.round
        if record.closed != (before.closed if before else ""):
            tell = log.warning if record.closed == LATE else log.info  # a fleet that starts has no node for a while
            tell("who is let in has changed", pool=pool, closed=record.closed or "no", capacity=record.capacity)
