"""What tenants use, and where that ends.

Each ingress counts what happens at itself, says so in the bucket `usage` about once a second, and watches what the
others say; a limit holds for the sum. So limits are exact for what comes to one ingress, and over several of them what
comes within the same second may get a little more. Without a limit nothing is refused, and all is counted still.

Doors say what they are about to do, before they do it; whatever is over a limit raises OverLimit and is not counted:

    with ingress.meter.session(caller, end):    one session, from its beginning to its end (and one request)
    meter.audio(caller, seconds)                before the audio is taken
    meter.bytes(caller, count)                  before these bytes of an upload are kept

Requests over HTTP are counted by the middleware (ingress/access/guard.py), so that no door forgets it. What runs under
a key is ended when the key is revoked: `end` is called.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from ingress import endings
from ingress.access.caller import Caller
from ingress.access.refusals import Allowance, OverLimit
from ingress.access.tally import Tally
from ingress.endings import Ending
from wire import subjects
from wire.bus import Bus
from wire.errors import Unavailable
from wire.kv import Bucket
from wire.log import get
from wire.records import TenantRecord, UsageRecord
from wire.usage import DAY_S, FORGET_S, MINUTE_S, REPEAT_S, audio_in, bytes_in, day_of, requests_in

log = get(__name__)

TELL_S = 1.0
"""Between two words to the others about what has changed."""

SESSION_RETRY_S = 5.0
NOTHING = TenantRecord()

End = Callable[[Ending], None]


class Place:
    """Something that runs for a caller."""

    def __init__(self, caller: Caller, end: End) -> None:
        self.caller = caller
        self.end = end


class Meter:
    """`ingress` names this one among others. `clock`: seconds since the epoch."""

    def __init__(self, bus: Bus, ingress: str, clock: Callable[[], float] = time.time) -> None:
        self.places: set[Place] = set()
        self._tenants = Bucket(bus, subjects.TENANTS_KV, TenantRecord)
        self._usage = Bucket(bus, subjects.USAGE_KV, UsageRecord)
        self._me = ingress
        self._clock = clock
        self._limits: dict[str, TenantRecord] = {}
        self._mine: dict[str, Tally] = {}
        self._others: dict[str, dict[str, UsageRecord]] = {}
        self._heard: dict[tuple[str, str], float] = {}
        self._told: dict[str, float] = {}

    # --- what doors say ---

    # A block that waits inside another takes half a kilobyte for each session: so only the innermost is a generator.

    def session(self, caller: Caller, end: End) -> AbstractContextManager[None]:
        """A new session, for as long as the block lasts; it counts as a request, too. Raises OverLimit."""
        self.request(caller)
        return self.asked(caller, end)

    def asked(self, caller: Caller, end: End) -> AbstractContextManager[None]:
        """The same where what asks for it has been counted as a request already, as all that comes over HTTP is."""
        limit = self._limits_of(caller).sessions
        if limit and self._sessions(caller.tenant) >= limit:
            raise OverLimit(
                f"tenant {caller.tenant} has {limit} sessions, as many as it may have at once: end one, or try again",
                code="too_many_sessions", retry_after=SESSION_RETRY_S,
            )  # fmt: skip
        return self.returning(caller, end)

    @contextlib.contextmanager
    def returning(self, caller: Caller, end: End) -> Iterator[None]:
        """The same of a session whose client is back: it had its place before, and is let in."""
        tally, place = self._tally(caller), Place(caller, end)
        tally.session(+1)
        self.places.add(place)
        try:
            yield
        finally:
            self.places.discard(place)
            tally.session(-1)

    @contextlib.contextmanager
    def watching(self, caller: Caller, end: End) -> Iterator[None]:
        """What runs for a caller without a session of its own, such as a listener: nothing is counted."""
        place = Place(caller, end)
        self.places.add(place)
        try:
            yield
        finally:
            self.places.discard(place)

    def request(self, caller: Caller) -> Allowance | None:
        """One request; what is left after it, where there is a limit. Raises OverLimit."""
        now = self._clock()
        limit = self._limits_of(caller).requests
        tally = self._tally(caller)
        if not limit:
            tally.request(now)
            return None
        used = requests_in(self._records(caller.tenant), now)
        reset = MINUTE_S - now % MINUTE_S
        if used >= limit:
            raise OverLimit(
                f"tenant {caller.tenant} may make {limit} requests a minute, and has made them: wait {reset:.0f} s",
                code="rate_limited", retry_after=reset, allowance=Allowance(limit, 0, reset),
            )  # fmt: skip
        tally.request(now)
        return Allowance(limit, limit - used - 1, reset)

    def audio(self, caller: Caller, seconds: float) -> None:
        """So much audio is about to be taken. Raises OverLimit."""
        now = self._clock()
        minutes = self._limits_of(caller).audio_minutes
        if minutes and audio_in(self._records(caller.tenant), now) + seconds > 60 * minutes:
            raise self._exceeded(caller, f"{minutes:g} minutes of audio", now)
        self._tally(caller).audio(seconds, now)

    def bytes(self, caller: Caller, count: int) -> None:
        """So many bytes of an upload are about to be kept. Raises OverLimit."""
        now = self._clock()
        limit = self._limits_of(caller).bytes
        if limit and bytes_in(self._records(caller.tenant), now) + count > limit:
            raise self._exceeded(caller, f"{limit} bytes of uploads", now)
        self._tally(caller).bytes(count, now)

    def _exceeded(self, caller: Caller, what: str, now: float) -> OverLimit:
        return OverLimit(
            f"tenant {caller.tenant} may use {what} a day, and this would be more: try again tomorrow (UTC), or ask "
            "for a higher limit",
            code="quota_exceeded", retry_after=DAY_S - now % DAY_S,
        )  # fmt: skip

    # --- what is known ---

    def _limits_of(self, caller: Caller) -> TenantRecord:
        return self._limits.get(caller.tenant, NOTHING)

    def _tally(self, caller: Caller) -> Tally:
        if (tally := self._mine.get(caller.tenant)) is None:
            tally = self._mine[caller.tenant] = Tally()
        return tally

    def _records(self, tenant: str) -> Iterator[UsageRecord]:
        """Of all ingresses."""
        if (mine := self._mine.get(tenant)) is not None:
            yield mine.record()
        yield from self._others.get(tenant, {}).values()

    def _sessions(self, tenant: str) -> int:
        """Everywhere, now."""
        since = time.monotonic() - FORGET_S
        mine = self._mine.get(tenant)
        others = self._others.get(tenant, {}).items()
        there = sum(record.sessions for other, record in others if self._heard[tenant, other] >= since)
        return there + (mine.sessions if mine is not None else 0)

    # --- what others are told, and say ---

    async def load(self) -> None:
        """What there is before anybody is let in. Raises NatsUnavailable."""
        for tenant, limits in (await self._tenants.items()).items():
            self._limited(tenant, limits)
        for key, record in (await self._usage.items()).items():
            self._used(key, record)

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tenants.follow(self._limited))
            group.create_task(self._usage.follow(self._used))
            while True:
                await asyncio.sleep(TELL_S)
                self._forget()
                await self.tell()

    async def tell(self) -> None:
        """The other ingresses, what has changed here."""
        now = time.monotonic()
        for tenant, tally in list(self._mine.items()):
            repeated = tally.sessions and now - self._told.get(tenant, 0.0) >= REPEAT_S
            if tally.changed or repeated:
                tally.changed = False
                self._told[tenant] = now
                try:
                    record = tally.record(self._clock())
                    await self._usage.put(subjects.usage_key(tenant, self._me), record, patience=TELL_S)
                except Unavailable:
                    tally.changed = True
                    log.info("what a tenant uses could not be told: later", tenant=tenant)
                    return

    def _forget(self) -> None:
        """What ingresses used that died on another day: it goes from the bucket without a word."""
        today, since = day_of(self._clock()), time.monotonic() - FORGET_S
        for (tenant, other), heard in list(self._heard.items()):
            if heard < since and self._others[tenant][other].day != today:
                self._used(subjects.usage_key(tenant, other), None)

    def _limited(self, tenant: str, record: TenantRecord | None) -> None:
        if record is None:
            self._limits.pop(tenant, None)
        else:
            self._limits[tenant] = record

    def _used(self, key: str, record: UsageRecord | None) -> None:
        tenant, _, other = key.partition(".")
        if other == self._me:
            return
        if record is None:
            self._others.get(tenant, {}).pop(other, None)
            self._heard.pop((tenant, other), None)
        else:
            self._others.setdefault(tenant, {})[other] = record
            self._heard[tenant, other] = time.monotonic()

    def revoke(self, holds: Callable[[Caller], bool]) -> None:
        """End what runs for callers who may not be here any more."""
        for place in [each for each in self.places if not holds(each.caller)]:
            place.end(endings.REVOKED)
