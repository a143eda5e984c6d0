"""Who works on recordings: each ingress takes of those that wait, a few at a time, and of those whose owner has died.

A recording is claimed by compare-and-set, so that one ingress has it, and is begun from its beginning: what nodes found
out before is in their caches. The next to be claimed is the oldest of the tenant that has fewest in hand.

    claimed -> done                        `work` said so, in one write
            -> failed                      something is wrong with it, and would be again
            -> waiting                     this ingress stops, or NATS, nodes or schedulers were away
            -> (left alone)                it was cancelled, or another has it

A write that is refused, or that nobody answers, is let be: the record is looked at again, by whoever comes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec

from ingress.access.refusals import OverLimit
from ingress.endings import Ending
from ingress.recordings.kept import Kept
from ingress.recordings.register import Hold, Lost, Seen
from ingress.recordings.work import PieceLost, Work
from ingress.shared import Ingress
from ingress.signal import Signal
from wire import metrics
from wire.errors import ClientError, DragomanError, EngineError, LanguageUnsupported, QueueFull, Unavailable
from wire.log import get
from wire.objects import ObjectGone
from wire.records import RecordingRecord

log = get(__name__)

_DONE, _FAILED = (metrics.RECORDINGS_ENDED.labels(outcome) for outcome in ("done", "failed"))

LOOK_S = 1.0
MAX_ATTEMPTS = 5
AGAIN_S = 5.0
"""After a recording could not be worked on here for lack of something."""

SERVED_S = 120.0
"""What was accepted and is refused for its languages may have lost a node for a moment: it is looked at again for so
long before it fails."""

PREFIX = "dragoman-recordings-"
FOLDER = re.compile(rf"{PREFIX}(\d+)-.*")


class Recorder:
    """`run` it beside the doors."""

    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress
        self._register = ingress.recordings
        self._kept = Kept(ingress.bus)
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._broken_off: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._unserved: dict[str, float] = {}
        self._stirred = Signal()
        self._stopping = False

    # --- as a guest of the ingress, which waits for it when it stops ---

    def end(self, ending: Ending) -> None:
        self._stopping = True
        self._stirred.set()

    def beat(self, now: float) -> None:
        """Nobody here has to be told that this process lives."""

    # --- from beginning to end ---

    async def run(self) -> None:
        """Until the ingress stops."""
        await asyncio.to_thread(_sweep_folders)
        self._ingress.connections.add(self)
        try:
            async with asyncio.TaskGroup() as group:
                following = group.create_task(self._register.follow())
                with self._register.watching(self._stirred):
                    while not self._stopping:
                        await self._look(group)
                        await self._stirred.wait_for(LOOK_S)
                for id in self._at_work:
                    self._break_off(id)
                following.cancel()
        finally:
            self._ingress.forget(self)

    async def _look(self, group: asyncio.TaskGroup) -> None:
        now = time.monotonic()
        self._register.forget_expired(time.time())
        for times in (self._not_before, self._unserved):
            for id in times.keys() - self._register.seen.keys():
                del times[id]
        for id in self._at_work:
            seen = self._register.seen.get(id)
            if seen is not None and seen.record.state == "cancelled":
                self._break_off(id)
        if not self._ingress.bus.connected:
            return
        for seen in [each for each in self._register.seen.values() if each.abandoned(now)]:
            if seen.record.state == "receiving":
                await self._clear(seen)
        for id in self._candidates(now):
            if len(self._at_work) >= self._ingress.settings.max_recordings:
                return
            if (hold := await self._claim(id)) is not None:
                task = group.create_task(self._do(hold))
                self._at_work[id] = task
                task.add_done_callback(lambda _, id=id: self._ended(id))  # type: ignore[misc]

    def _break_off(self, id: str) -> None:
        """Once: it may take a moment to clear up."""
        if id not in self._broken_off:
            self._broken_off.add(id)
            self._at_work[id].cancel()

    def _ended(self, id: str) -> None:
        del self._at_work[id]
        self._broken_off.discard(id)
        self._stirred.set()

    def _candidates(self, now: float) -> list[str]:
        if self._ingress.unready() is not None:
            return []
        records = [each.record for each in self._register.seen.values()]
        in_hand = Counter(each.tenant for each in records if each.state == "running")
        free = [
            seen.record
            for id, seen in self._register.seen.items()
            if (seen.record.state == "waiting" or (seen.record.state == "running" and seen.abandoned(now)))
            and id not in self._at_work
            and self._not_before.get(id, 0.0) <= now
        ]
        return [each.id for each in sorted(free, key=lambda each: (in_hand[each.tenant], each.created, each.id))]

    # --- one recording ---

    async def _claim(self, id: str) -> Hold | None:
        """None: somebody was first."""

        def step(found: RecordingRecord | None) -> RecordingRecord:
            seen = self._register.seen.get(id)
            if found is None or seen is None or found.state not in ("waiting", "running"):
                raise Lost("it is over")
            if found.state == "running" and (found != seen.record or not seen.abandoned(time.monotonic())):
                raise Lost("somebody is at it")
            return msgspec.structs.replace(
                found, state="running", owner=self._ingress.id, attempt=found.attempt + 1, decoded=0.0, heard=0.0,
                translated=dict.fromkeys(found.targets, 0.0), voiced=dict.fromkeys(found.spoken, 0.0), utterances=0,
                failures=0, seconds_left=-1.0, started=found.started or time.time(),
            )  # fmt: skip

        with contextlib.suppress(DragomanError):
            return await self._register.change(id, step)
        return None

    async def _do(self, hold: Hold) -> None:
        try:
            await self._work_on(hold)
        except asyncio.CancelledError:
            if self._stopping:
                await self._give_back(hold, hold.record.attempt - 1)
            raise

    async def _work_on(self, hold: Hold) -> None:
        record = hold.record
        log.info("working on a recording", recording=record.id, attempt=record.attempt, bytes=record.uploaded)
        try:
            if record.attempt > MAX_ATTEMPTS:
                raise EngineError(f"{MAX_ATTEMPTS} attempts have ended before their time", code="gave_up")
            with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
                await Work(self._ingress, self._kept, hold, Path(folder)).do()
            _DONE.inc()
            metrics.RECORDED_SECONDS.inc(hold.record.duration)
            log.info("a recording is done", recording=record.id, seconds=hold.record.duration)
        except Lost:
            log.info("a recording is not ours any more", recording=record.id)
        except LanguageUnsupported as error:
            now = time.monotonic()
            if now - self._unserved.setdefault(record.id, now) < SERVED_S:
                log.info("a recording waits for a node that can serve it", recording=record.id)
                await self._give_back(hold, record.attempt - 1)
            else:
                await self._fail(hold, error.code, str(error))
        except QueueFull:
            await self._fail(hold, "storage_full", "there is no room for the result: fetch and delete others")
        except (ClientError, OverLimit, ObjectGone, EngineError) as error:
            await self._fail(hold, error.code, str(error))
        except PieceLost as error:
            log.info("a piece of a recording was lost: it is begun again", recording=record.id, code=error.code)
            await self._give_back(hold, record.attempt)
        except Unavailable as error:
            log.info("a recording has to wait", recording=record.id, code=error.code)
            await self._give_back(hold, record.attempt - 1)
        except DragomanError as error:
            await self._fail(hold, error.code, str(error))
        except Exception:
            log.exception("working on a recording failed", recording=record.id)
            await self._fail(hold, "internal", "something went wrong here: it has been logged")

    async def _give_back(self, hold: Hold, attempts: int) -> None:
        """Whoever comes first may have it. So many attempts count: not this one, where it was nobody's fault."""
        self._not_before[hold.record.id] = time.monotonic() + AGAIN_S
        with contextlib.suppress(DragomanError):
            await hold.save(state="waiting", owner="", attempt=attempts)

    async def _fail(self, hold: Hold, code: str, message: str) -> None:
        _FAILED.inc()
        log.info("a recording failed", recording=hold.record.id, code=code)
        with contextlib.suppress(DragomanError):
            await hold.save(
                state="failed", owner="", code=code, message=message, finished=time.time(), seconds_left=0.0
            )
            await self._kept.drop_uploads(hold.record.id)

    async def _clear(self, seen: Seen) -> None:
        """An upload that broke off with the ingress that took it in."""

        def step(found: RecordingRecord | None) -> RecordingRecord:
            if found is None or found != seen.record:
                raise Lost("somebody is at it")
            return found

        with contextlib.suppress(DragomanError):
            hold = await self._register.change(seen.record.id, step)
            await self._kept.clear(seen.record)
            await hold.delete()


def _sweep_folders() -> None:
    """Of processes that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        found = FOLDER.fullmatch(path.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            shutil.rmtree(path, ignore_errors=True)
