"""This node's slots: which are in use here, and their marks in the KV bucket `slots`.

A slot is one key, `<node>.<i>`, with a time to live. A scheduler makes the mark before it publishes on this node's lane
(then the job that comes may begin at once); for a job from a pool's lane the node makes it itself. Two things are never
done: running more jobs than there are slots, which is known here without asking anybody, and taking away a mark that
is not this job's any more, which the server refuses.

A piece of a recording is lent what no live job has: it leaves no mark, so that schedulers see a free slot there, and a
live job that comes takes it as one. Then the engines stop a piece (node_runtime.precedence).

While a job runs, `keep` renews its mark, so that it outlives a long job and goes soon after a node that dies. A mark
that a scheduler made and then did not use is believed for BELIEVED_S at a time.
"""

from __future__ import annotations

import asyncio
import time

from wire import subjects
from wire.bus import Bus
from wire.errors import NatsUnavailable, Stale
from wire.jobs import Job
from wire.kv import Bucket
from wire.log import get
from wire.records import SlotRecord

log = get(__name__)

MARK_S = 10
"""A mark that is not renewed goes after so long."""
RENEW_S = 3.0
BELIEVED_S = 1.0


LENT = -1


class Held:
    """A slot while a job has it; LENT is none in particular. `revision` is that of its mark, 0 where that is not
    known."""

    def __init__(self, index: int, job: Job, revision: int = 0) -> None:
        self.index = index
        self.job = job
        self.revision = revision


class Slots:
    """The slots 0..`count`-1 of `node`."""

    def __init__(self, bus: Bus, node: str, count: int) -> None:
        self._marks = Bucket(bus, subjects.SLOTS_KV, SlotRecord)
        self._node = node
        self._count = count
        self._held: dict[int, Held] = {}
        self._lent: set[Held] = set()
        self._reserved: dict[int, float] = {}  # not held, but marked for another job: until when that is believed
        self._changed = asyncio.Event()

    @property
    def busy(self) -> int:
        """Those that live jobs have."""
        return len(self._held)

    @property
    def to_spare(self) -> bool:
        """Whether one more piece of a recording may run beside what runs."""
        return len(self.free) > len(self._lent)

    @property
    def free(self) -> list[int]:
        """Not in use here, nor lately seen marked for a job that has not come."""
        now = time.monotonic()
        return [index for index in range(self._count) if index not in self._held and self._reserved.get(index, 0) < now]

    async def clear(self) -> None:
        """Take away what an earlier life of this node left. Raises NatsUnavailable."""
        for key in await self._marks.items(f"{self._node}.*"):
            await self._marks.delete(key)

    # --- taking ---

    def adopt(self, job: Job, index: int) -> Held | None:
        """The slot that a scheduler marked for this job; None where it is still in use here, or is no slot."""
        if index in self._held or not 0 <= index < self._count:
            return None
        self._reserved.pop(index, None)
        held = self._held[index] = Held(index, job)
        return held

    def lend(self, job: Job) -> Held | None:
        """A place for a piece of a recording; None if there is none."""
        if not self.to_spare:
            return None
        held = Held(LENT, job)
        self._lent.add(held)
        return held

    async def mark(self, job: Job) -> Held | None:
        """Any slot that is free; None if there is none. Raises NatsUnavailable."""
        for index in self.free:
            if index in self._held:  # taken while the one before was asked for
                continue
            held = self._held[index] = Held(index, job)
            try:
                held.revision = await self._mark(held)
            except BaseException:
                self._let_go(held)
                raise
            if held.revision:
                return held
            self._reserved[index] = time.monotonic() + BELIEVED_S
            self._let_go(held)
        return None

    async def _mark(self, held: Held) -> int:
        """The revision of the new mark; 0: it is another job's."""
        key, record = self._key(held.index), self._record(held.job)
        created = await self._marks.create(key, record, ttl=MARK_S)
        if created is not None:
            return created
        found = await self._marks.entry(key)
        if found is None or found[0].job != held.job.job:
            return 0
        try:  # marked for this very job, maybe for an attempt that is over
            return await self._marks.renew(key, record, found[1], ttl=MARK_S)
        except Stale:
            return 0

    # --- holding and giving up ---

    async def keep(self, held: Held) -> None:
        """Renew the mark, for ever; a piece has none. One that went although the job runs is made again.

        That of a scheduler is renewed at once: it was made for longer than a node that dies should be waited for.
        """
        if held in self._lent:
            return
        key, record = self._key(held.index), self._record(held.job)
        while True:
            if held.revision:
                await asyncio.sleep(RENEW_S)
            try:
                if not held.revision:
                    found = await self._marks.entry(key)
                    held.revision = found[1] if found is not None and _is_for(found[0], held.job) else 0
                if held.revision:
                    held.revision = await self._marks.renew(key, record, held.revision, ttl=MARK_S, patience=RENEW_S)
                else:
                    held.revision = await self._marks.create(key, record, ttl=MARK_S) or 0
            except Stale:
                held.revision = 0
            except NatsUnavailable as error:
                log.info("the mark of a slot was not renewed", slot=held.index, reason=error.code)
            if not held.revision:
                await asyncio.sleep(RENEW_S)

    async def release(self, held: Held) -> None:
        """The job is over. Its mark goes, if it still is this job's."""
        if held in self._lent:
            self._lent.remove(held)
            self._changed.set()
            return
        try:
            await self._unmark(held.index, held.job, held.revision)
        except NatsUnavailable as error:
            log.warning("the mark of a slot goes by itself", slot=held.index, reason=error.code)
        finally:
            self._let_go(held)

    async def forget(self, job: Job) -> None:
        """This attempt does not run here: take away what was marked for it."""
        if job.recorded:
            return
        try:
            for index in range(self._count):
                if index not in self._held:
                    await self._unmark(index, job, 0)
        except NatsUnavailable as error:
            log.warning("the mark of a slot goes by itself", job=job.job, reason=error.code)

    async def _unmark(self, index: int, job: Job, revision: int) -> None:
        key = self._key(index)
        if not revision:
            found = await self._marks.entry(key)
            if found is None or not _is_for(found[0], job):
                return
            revision = found[1]
        try:
            await self._marks.delete(key, revision)
        except Stale:
            log.info("a slot has been marked for another job already", slot=index)

    def _let_go(self, held: Held) -> None:
        if self._held.get(held.index) is held:
            del self._held[held.index]
        self._changed.set()

    # --- waiting ---

    async def until_changed(self, seconds: float) -> None:
        """Until a slot was given up, or a mark's time to be believed may be over."""
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def until_free(self) -> None:
        while not self.free:
            await self.until_changed(BELIEVED_S)

    def _key(self, index: int) -> str:
        return subjects.slot_key(self._node, index)

    def _record(self, job: Job) -> SlotRecord:
        return SlotRecord(job=job.job, session=job.session, attempt=job.attempt, by=self._node, seconds=MARK_S)


def _is_for(record: SlotRecord, job: Job) -> bool:
    return (record.job, record.attempt) == (job.job, job.attempt)
