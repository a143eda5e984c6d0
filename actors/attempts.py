"""How often, and why, an utterance's job is tried again. PURE.

One attempt is under way at a time, numbered from 1. A node that runs it gives a sign of life each second. Another
attempt follows at once, on another node, when

    silent      the node that began has given no sign for SILENCE_S: it died, hangs, or is cut off
    failed      the node says that this attempt failed in a way that another may not (its engines crashed, say)
    returned    the node stops and gives the job back; nobody's fault, so it counts for nothing
    partial     the node did what it could, and something that was asked for is still open

and carries what earlier attempts already stored, so nothing is computed twice. An attempt that nobody began in
START_S goes to the pool's lane too, where any node that can pulls it. After MAX_ATTEMPTS faults the job is given up: it
is buried with every fault's reason, and the client is told. Slowness is no fault: while signs come, only the deadline
of the utterance ends it, and that grows with its audio.

A piece of a recording stands in its pool's batch, where any node pulls it that nobody speaks to. To wait there is no
fault, for PATIENCE_S; and a node that gives it back, because somebody speaks now, may do so as often as it must. It
stands there again at once, for its audio is nowhere else but in this scheduler's memory: a node takes it only when
nobody speaks there, so it does not go round and round.
"""

from __future__ import annotations

import msgspec

from wire.messages import JobUnplaced, NodeMessage

SILENCE_S = 3.0
START_S = 1.5
MAX_ATTEMPTS = 4
MAX_ROUNDS = 2 * MAX_ATTEMPTS
"""From this attempt on, even what is nobody's fault counts as one."""
PATIENCE_S = 25 * 60.0
"""A piece of a recording waits for so long."""


class Work(msgspec.Struct):
    """The job of one utterance. `first`..`end` are samples of its audio. Times are stream time, 0.0: never. `unplaced`
    says why no node could take this attempt, while none has. `recorded`: it is a piece of a recording, which was given
    back `returned` times."""

    first: int
    end: int
    source: str
    pool: str
    prompt: str
    sent_at: float
    attempt: int = 1
    widened: bool = False
    started: bool = False
    heard_at: float = 0.0
    node: str = ""
    unplaced: str = ""
    excluded: list[str] = []
    faults: list[str] = []
    recorded: bool = False
    returned: int = 0

    def sign(self, said: NodeMessage, now: float) -> None:
        """A node says something about its attempt; or the scheduler says why no node can take it."""
        if said.attempt != self.attempt:
            return
        if not isinstance(said, JobUnplaced):
            self.started, self.node, self.heard_at, self.unplaced = True, said.node, now, ""
        elif not self.started:
            self.unplaced = said.reason

    def deadline(self) -> float | None:
        """When silence becomes a reason."""
        if self.started:
            return self.heard_at + SILENCE_S
        return None if self.widened or self.recorded else self.sent_at + START_S

    @property
    def rounds(self) -> int:
        """Attempts, but for those that were given back for live speech."""
        return self.attempt - self.returned

    def fault(self, reason: str) -> bool:
        """The attempt failed; returns whether another may be made."""
        self.faults.append(f"attempt {self.attempt} on {self.node or 'no node'}: {reason}")
        return len(self.faults) < MAX_ATTEMPTS

    def again(self, now: float, *, elsewhere: bool) -> None:
        """The next attempt begins; `elsewhere`: not on the node that had this one."""
        if elsewhere and self.node and self.node not in self.excluded:
            self.excluded.append(self.node)
        self.attempt += 1
        self.sent_at, self.widened, self.started, self.heard_at = now, False, False, 0.0
        self.node = self.unplaced = ""

    def came_back(self, now: float) -> None:
        """A piece of a recording was given back for live speech: it stands in line again."""
        self.again(now, elsewhere=False)
        self.returned += 1
