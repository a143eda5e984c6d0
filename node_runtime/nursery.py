"""The engines' process as its parent sees it: started, fed, watched, and started anew when it dies.

`Nursery.watch` runs for ever. A child that says nothing for `SILENCE_S`, or whose run makes no step for `STALL_S`, is
killed. Each death ends the runs that it had with `ChildLost`, and the next child is started after a pause that doubles
with each death in a row. A child that says that its models cannot be loaded ends the watch: no use trying.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable

from node_runtime import catalog, frames
from node_runtime.frames import Step
from wire import pipes
from wire.env import NodeSettings
from wire.errors import DragomanError, EngineError, ModelMissing, SettingsError
from wire.jobs import Job, PartialJob
from wire.log import get
from wire.messages import Hypothesis

log = get(__name__)

SILENCE_S = 15.0
STALL_S = 60.0
"""For one step: hearing 30 s of audio with a large model on a slow CPU takes less."""
CHECK_S = 1.0
LAST_BREATH_S = 0.5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 30.0
SOUND_AFTER_S = 60.0
"""A child that lived so long did not die of its start: the pause begins anew."""
DEATHS_BEFORE_FIRST_LIFE = 3


Answer = frames.Stepped | frames.Ended | frames.Glimpsed


class ChildLost(EngineError):
    """The engines' process died under a run."""


class Stopped(EngineError):
    """A piece of a recording was not run to its end, for live speech needs its place."""


class _Life:
    """One child: its process, its runs, and when it last gave a sign."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.heard = self.born = time.monotonic()
        self.runs: dict[int, asyncio.Queue[Answer]] = {}
        self.stepped: dict[int, float] = {}
        self.loaded: frames.Loaded | None = None
        self.unusable: frames.Unusable | None = None

    def silence(self, now: float) -> str | None:
        """Why this child should be killed."""
        if now - self.heard > SILENCE_S:
            return f"no sign of life for {SILENCE_S:.0f} s"
        if any(now - since > STALL_S for since in self.stepped.values()):
            return f"no step for {STALL_S:.0f} s"
        return None


class Nursery:
    """`on_birth(loaded)` is called whenever a child has its models, `on_death()` whenever one has died."""

    def __init__(
        self,
        settings: NodeSettings,
        node: str,
        on_birth: Callable[[frames.Loaded], None],
        on_death: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._node = node
        self._on_birth = on_birth
        self._on_death = on_death
        self._life: _Life | None = None
        self._runs = 0
        self.deaths = 0

    @property
    def pid(self) -> int | None:
        return self._life.process.pid if self._life else None

    @property
    def loaded(self) -> frames.Loaded | None:
        """What the engines are, once they are there."""
        return self._life.loaded if self._life else None

    async def watch(self) -> None:
        """For ever. Raises ModelMissing or SettingsError from the child; EngineError where no child ever lives."""
        pause = FIRST_PAUSE_S
        lived = False
        while True:
            life = await self._start()
            try:
                await self._until_death(life)
            finally:
                self._life = None
                how = pipes.obituary(await _bury(life.process))
                for number, steps in life.runs.items():
                    steps.put_nowait(frames.Ended(run=number, error=how))
            self.deaths += 1
            self._on_death()
            if life.unusable is not None:
                raise _error(life.unusable)
            lived = lived or life.loaded is not None
            if not lived and self.deaths >= DEATHS_BEFORE_FIRST_LIFE:
                raise EngineError(
                    f"the engines' process died {self.deaths} times while it loaded its models ({how}): "
                    "is there enough memory for them? `dragoman doctor` looks"
                )
            if time.monotonic() - life.born > SOUND_AFTER_S:
                pause = FIRST_PAUSE_S
            log.warning("the engines' process died: starting another", how=how, runs=len(life.runs), pause_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def run(self, job: Job) -> AsyncGenerator[tuple[str, Step], None]:
        """The steps of one attempt, each with its target language ("": none).

        What waits here is bounded by the utterance: its texts, and speech of a few minutes at the very most.
        Raises ChildLost where the child dies or is not there, EngineError where the attempt itself breaks, Stopped
        where it had to make way.
        """
        async with contextlib.aclosing(self._asked(lambda run: frames.Run(run=run, job=job))) as answers:
            async for frame in answers:
                match frame:
                    case frames.Stepped():
                        yield frame.target, frame.step
                    case frames.Ended(made_way=True):
                        raise Stopped("live speech goes first")
                    case _:
                        pass

    async def rehearse(self, job: Job) -> frames.Ended:
        """Run every engine on a warm-up job. Raises as `run` does."""
        last = frames.Ended(run=0)
        async with contextlib.aclosing(self._asked(lambda run: frames.Run(run=run, job=job))) as answers:
            async for frame in answers:
                if isinstance(frame, frames.Ended):
                    last = frame
        return last

    async def glimpse(self, job: PartialJob) -> Hypothesis | None:
        """What was said so far; None where it came too late to be of use. Raises as `run` does."""
        hypothesis: Hypothesis | None = None
        async with contextlib.aclosing(self._asked(lambda run: frames.Glimpse(run=run, job=job))) as answers:
            async for frame in answers:
                if isinstance(frame, frames.Glimpsed):
                    hypothesis = frame.hypothesis
        return hypothesis

    async def _asked(self, ask: Callable[[int], frames.Frame]) -> AsyncGenerator[Answer, None]:
        """What the child says to this, to the last word."""
        life = self._life
        if life is None:
            raise ChildLost("the engines' process is not there")
        self._runs += 1
        number = self._runs
        answers = life.runs[number] = asyncio.Queue()
        life.stepped[number] = time.monotonic()
        try:
            await _send(life.process, ask(number))
            while isinstance(frame := await answers.get(), frames.Stepped):
                yield frame
            if frame.error:
                raise (
                    EngineError(frame.error)
                    if life is self._life
                    else ChildLost(f"the engines' process died: {frame.error}")
                )
            yield frame
        finally:
            life.runs.pop(number, None)
            life.stepped.pop(number, None)

    # --- one child ---

    async def _start(self) -> _Life:
        names = [self._settings.asr_model, *self._settings.nmt_models, *self._settings.voices]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "node_runtime.child",
            str(os.getpid()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 20,
            env={**os.environ, **catalog.offline(names)},
        )
        life = self._life = _Life(process)
        with contextlib.suppress(ChildLost):  # the watch will see it
            await _send(process, frames.Begin(settings=self._settings, node=self._node))
        return life

    async def _until_death(self, life: _Life) -> None:
        """Take what the child says until it dies, or is killed because it says nothing."""
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(_kill_if_silent(life), name="nursery-watch")
            while (frame := await _read(life.process)) is not None:
                life.heard = time.monotonic()
                self._take(life, frame)
            watcher.cancel()

    def _take(self, life: _Life, frame: frames.ToParent) -> None:
        match frame:
            case frames.Loaded():
                life.loaded = frame
                self._on_birth(frame)
            case frames.Unusable():
                life.unusable = frame
            case frames.Stepped() | frames.Ended() | frames.Glimpsed():
                if frame.run in life.runs:
                    life.stepped[frame.run] = life.heard
                    life.runs[frame.run].put_nowait(frame)
            case frames.Beat():
                pass


async def _send(process: asyncio.subprocess.Process, frame: frames.Frame) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(frames.pack(frame))
        await process.stdin.drain()
    except OSError as error:
        raise ChildLost("the engines' process is gone") from error


async def _bury(process: asyncio.subprocess.Process) -> int:
    """Make sure that it is dead. Its exit code.

    Mostly it is dead already, and killing it then would take its exit code from under `wait`. If not, the end of its
    input ends it, unless it hangs.
    """
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_BREATH_S):
            return await process.wait()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    return await process.wait()


async def _read(process: asyncio.subprocess.Process) -> frames.ToParent | None:
    """The next frame; None where the pipe ends or carries something else."""
    assert process.stdout is not None
    try:
        body = await pipes.receive(process.stdout, frames.MAX_FRAME)
        return None if body is None else frames.to_parent.decode(body)
    except ValueError as error:  # msgspec's are of this kind
        log.error("the engines' process sent a frame that cannot be read", error=str(error))
        return None


async def _kill_if_silent(life: _Life) -> None:
    while True:
        await asyncio.sleep(CHECK_S)
        reason = life.silence(time.monotonic())
        if reason is not None:
            log.error("the engines' process hangs: killing it", reason=reason)
            with contextlib.suppress(ProcessLookupError):
                life.process.kill()


def _error(unusable: frames.Unusable) -> DragomanError:
    """What the child could not do, as the error that it was there."""
    kind = SettingsError if unusable.code == SettingsError.code else ModelMissing
    return kind(unusable.message)
