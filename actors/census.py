"""What a scheduler sees of its pools: whom it serves, how much they speak, and how long their words wait. PURE.

A `Census` counts the live sessions of one partition, at each change and with one addition; nobody walks over sessions.
Recordings are none: they have what is left over. A `Pulse` makes of all of a scheduler's the figures in its heartbeat,
by which the next are let in (`actors.admission`):

    speech share   audio in jobs, of the time that sessions lived; the last minutes count (SHARE_S), and beside them
                   what is assumed (SPEECH_SHARE), for PRIOR_EACH_S of each session. A session's first SETTLED_S do not
                   count: that somebody speaks is known when they pause, and a crowd that has just come would look
                   silent. What a caption settled needed no job, and is not in it: it costs no slot
    wait           what nine of ten finals of the last WAIT_WINDOW_S waited at most, from being decided until a node
                   began. Second attempts do not count: they wait because something broke. Nor do a few: one job may
                   wait for many reasons
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence

from actors.capacity import SPEECH_SHARE
from actors.commands import Command, RunJob
from actors.session import Session
from actors.state import CLIENT_LEFT
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.line import wants
from wire.records import PoolUse

SHARE_S = 180.0
PRIOR_S, PRIOR_EACH_S = 60.0, 20.0
SETTLED_S = 25.0
HEARD_FROM_S = 20.0
"""Of a session's audio: what is said from here on is known, on average, when it counts as settled."""
WAIT_WINDOW_S = 30.0
LEFT_S = 5.0
"""Who left is counted for so long: maybe they are on their way to another ingress. After that they need no room until
they are back, and then they are in, whether there is any or not."""
ENOUGH_WAITS = 5
MOST_WAITS = 1000

Share = tuple[str, int, int]
"""Pool, targets and spoken targets of one session."""


class Census:
    """Of one partition."""

    def __init__(self) -> None:
        self._shares: dict[str, Share] = {}
        self.uses: Counter[tuple[str, str]] = Counter()
        """By pool, and by "sessions", "targets" and "spoken"."""
        self.settled: Counter[str] = Counter()
        """Sessions by pool that are not new."""
        self._new: list[str] = []
        self._settling: deque[tuple[float, str]] = deque()
        self._settled: set[str] = set()
        self._left: dict[str, float | None] = {}
        """Open sessions without their clients: until when they count."""
        self._absent: set[str] = set()
        """Those of them that do not count any more."""
        self._speech: dict[str, float] = {}
        self._waits: list[tuple[str, float]] = []

    def clear(self) -> None:
        """No session is known."""
        for memory in (self._shares, self.uses, self.settled, self._new, self._settling, self._settled):
            memory.clear()
        self._left.clear()
        self._absent.clear()

    def take_over(self, session: Session) -> None:
        """One that is not new."""
        self.count(session)
        self._notice(session)
        self._settle(session.state.session)

    def count(self, session: Session) -> None:
        """As it is now."""
        state = session.state
        share: Share | None = None
        counts = state.phase in ("open", "closing") and state.session not in self._absent
        if counts and not state.options.recorded:
            share = (state.pool, *wants(state.targets, state.speech, state.options))
        before = self._shares.get(state.session)
        if share == before:
            return
        if before is None:
            self._new.append(state.session)
        else:
            self._add(before, -1)
            if share is None:
                self._forget(state.session, before[0])
        if share is not None:
            self._add(share, 1)
            self._shares[state.session] = share

    def _forget(self, session: str, pool: str) -> None:
        del self._shares[session]
        if session in self._settled:
            self._settled.discard(session)
            self.settled[pool] -= 1

    def _add(self, share: Share, sign: int) -> None:
        pool, targets, spoken = share
        for what, number in (("sessions", 1), ("targets", targets), ("spoken", spoken)):
            self.uses[pool, what] += sign * number

    def commanded(self, session: Session, commands: Sequence[Command]) -> None:
        """This came of what the session has folded in."""
        self._notice(session)
        if not commands:
            return
        self.count(session)
        for command in commands:
            if isinstance(command, RunJob) and command.job.attempt == 1 and not command.job.recorded:
                length = len(command.job.pcm) / (BYTES_PER_SAMPLE * SAMPLE_RATE)
                seconds = max(0.0, min(length, command.job.start + length - HEARD_FROM_S))
                self._speech[command.job.pool] = self._speech.get(command.job.pool, 0.0) + seconds

    def _notice(self, session: Session) -> None:
        """Whether its client is there."""
        state = session.state
        left = state.phase == "open" and state.close_reason == CLIENT_LEFT
        if left == (state.session in self._left):
            return
        if left:
            self._left[state.session] = None
        else:
            del self._left[state.session]
            self._absent.discard(state.session)
            self.count(session)

    def waited(self, pool: str, seconds: float) -> None:
        """A node begins the first attempt at a final, so long after it was decided."""
        if len(self._waits) < MOST_WAITS:
            self._waits.append((pool, seconds))

    def settle(self, now: float) -> None:
        """Time has passed."""
        self._settling.extend((now + SETTLED_S, session) for session in self._new)
        self._new.clear()
        while self._settling and self._settling[0][0] <= now:
            self._settle(self._settling.popleft()[1])
        for session, until in self._left.items():
            if until is None:
                self._left[session] = now + LEFT_S
            elif until <= now and session not in self._absent:
                self._absent.add(session)
                if (share := self._shares.get(session)) is not None:
                    self._add(share, -1)
                    self._forget(session, share[0])

    def _settle(self, session: str) -> None:
        share = self._shares.get(session)
        if share is not None and session not in self._settled:
            self._settled.add(session)
            self.settled[share[0]] += 1

    def take(self) -> tuple[dict[str, float], list[tuple[str, float]]]:
        """By pool, seconds of speech and what finals waited, since this was last asked."""
        found = self._speech, self._waits
        self._speech, self._waits = {}, []
        return found


class Pulse:
    """Of one scheduler."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._lived: dict[str, float] = {}
        self._spoke: dict[str, float] = {}
        self._waits: dict[str, deque[tuple[float, float]]] = {}

    def beat(self, now: float, censuses: Iterable[Census]) -> dict[str, PoolUse]:
        """Call it every second or two; `now` in seconds, by any clock that does not jump."""
        seconds = 0.0 if self._at is None else min(now - self._at, WAIT_WINDOW_S)
        self._at = now
        uses, settled = Counter[tuple[str, str]](), Counter[str]()
        self._spoke = _faded(self._spoke, seconds)
        for census in censuses:
            census.settle(now)
            uses.update(census.uses)
            settled.update(census.settled)
            speech, waits = census.take()
            for pool, spoken in speech.items():
                self._spoke[pool] = self._spoke.get(pool, 0.0) + spoken
            for pool, waited in waits:
                self._waits.setdefault(pool, deque(maxlen=MOST_WAITS)).append((now, waited))
        self._lived = _faded(self._lived, seconds)
        pools = {pool for (pool, what), number in uses.items() if what == "sessions" and number}
        for pool in pools:
            self._lived[pool] = self._lived.get(pool, 0.0) + settled[pool] * seconds
        return {
            pool: PoolUse(
                sessions=uses[pool, "sessions"],
                targets=uses[pool, "targets"],
                spoken=uses[pool, "spoken"],
                speech_share=self._share(pool, uses[pool, "sessions"]),
                wait_s=self._wait(pool, now),
            )
            for pool in pools
        }

    def _share(self, pool: str, sessions: int) -> float:
        lived = self._lived.get(pool, 0.0)
        prior = max(PRIOR_S, PRIOR_EACH_S * sessions)
        return round((self._spoke.get(pool, 0.0) + SPEECH_SHARE * prior) / (lived + prior), 4) if lived > 0 else 0.0

    def _wait(self, pool: str, now: float) -> float:
        waits = self._waits.get(pool, deque())
        while waits and waits[0][0] < now - WAIT_WINDOW_S:
            waits.popleft()
        if len(waits) < ENOUGH_WAITS:
            return 0.0
        return round(sorted(seconds for _, seconds in waits)[math.ceil(0.9 * len(waits)) - 1], 3)


def _faded(sums: dict[str, float], seconds: float) -> dict[str, float]:
    """What was summed up counts less as time passes."""
    left = math.exp(-seconds / SHARE_S)
    return {pool: value * left for pool, value in sums.items() if value > 1e-3}
