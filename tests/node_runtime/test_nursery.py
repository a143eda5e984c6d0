"""The engines' process for real: scripted engines, real pipes, real signals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from node_runtime import frames, nursery
from node_runtime.nursery import ChildLost, Nursery
from tests.node_runtime import sounds
from tests.node_runtime.conftest import job, partial
from wire.env import NodeSettings
from wire.errors import EngineError, ModelMissing, SettingsError
from wire.messages import JobDone, Transcribed

SETTINGS = NodeSettings(engine="scripted", scripted_rtf=0.05, slots=2)
PCM = sounds.pcm(sounds.white(1.0))


class Watched:
    def __init__(self, settings: NodeSettings) -> None:
        self.births: asyncio.Queue[frames.Loaded] = asyncio.Queue()
        self.deaths = asyncio.Event()
        self.nursery = Nursery(settings, "n1", self.births.put_nowait, self.deaths.set)

    async def born(self) -> frames.Loaded:
        return await asyncio.wait_for(self.births.get(), 20)

    async def steps(self, utterance: int, **fields: Any) -> list[frames.Step]:
        return [step async for _, step in self.nursery.run(job("s", utterance, PCM, **fields))]


@contextlib.asynccontextmanager
async def watched(settings: NodeSettings = SETTINGS) -> AsyncIterator[Watched]:
    made = Watched(settings)
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(made.nursery.watch())
        try:
            yield made
        finally:
            watch.cancel()


async def test_a_job_runs_in_another_process_and_its_steps_come_in_order() -> None:
    async with watched() as it:
        loaded = await it.born()
        assert "*" in loaded.targets["en"]
        assert it.nursery.pid not in (None, os.getpid())
        steps = await it.steps(1, targets=["de"], speak=["de"])
        assert isinstance(steps[1], Transcribed)
        assert isinstance(steps[-1], JobDone)


async def test_slots_run_at_the_same_time() -> None:
    async with watched() as it:
        await it.born()
        since = asyncio.get_running_loop().time()
        await asyncio.gather(it.steps(1, prompt="slow"), it.steps(2, prompt="slow"))
        assert asyncio.get_running_loop().time() - since < 0.9  # each takes 0.5


async def test_a_glimpse_comes_back_and_one_that_breaks_is_an_error() -> None:
    async with watched() as it:
        await it.born()
        found = await it.nursery.glimpse(partial("s", 1, PCM, generation=5))
        assert found is not None
        assert (found.generation, found.text) == (5, "I heard 1.0 seconds of")
        with pytest.raises(EngineError, match="EngineError"):
            await it.nursery.glimpse(partial("s", 1, PCM, prompt="fail"))
        assert it.nursery.deaths == 0
        with pytest.raises(ChildLost, match="SIGSEGV"):
            await it.nursery.glimpse(partial("s", 1, PCM, prompt="crash"))


async def test_a_crash_costs_the_run_and_another_child_is_born() -> None:
    async with watched() as it:
        await it.born()
        first = it.nursery.pid
        with pytest.raises(ChildLost, match="SIGSEGV"):
            await it.steps(1, prompt="crash")
        await it.born()
        assert it.nursery.pid != first
        assert it.nursery.deaths == 1
        assert isinstance((await it.steps(2))[-1], JobDone)


async def test_a_kill_costs_every_run_in_hand() -> None:
    async with watched() as it:
        await it.born()
        runs = [asyncio.ensure_future(it.steps(number, prompt="hang")) for number in (1, 2)]
        await asyncio.wait(runs, timeout=0.3)
        assert it.nursery.pid is not None
        os.kill(it.nursery.pid, signal.SIGKILL)
        for run in runs:
            with pytest.raises(ChildLost, match="SIGKILL"):
                await run


async def test_a_run_that_makes_no_step_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nursery, "STALL_S", 0.5)
    async with watched() as it:
        await it.born()
        with pytest.raises(ChildLost):
            await asyncio.wait_for(it.steps(1, prompt="hang"), 10)


async def test_a_child_that_is_stopped_gives_no_sign_and_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched() as it:
        await it.born()
        monkeypatch.setattr(nursery, "SILENCE_S", 1.5)
        pid = it.nursery.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await asyncio.wait_for(it.deaths.wait(), 10)
        await it.born()
        assert not psutil.pid_exists(pid)


async def test_a_crash_is_told_by_its_signal_every_time() -> None:
    async with watched() as it:
        for utterance in range(3):
            await it.born()
            with pytest.raises(ChildLost, match="SIGSEGV"):
                await it.steps(utterance, prompt="crash")


async def test_an_engine_that_raises_costs_no_process() -> None:
    async with watched() as it:
        await it.born()
        steps = await it.steps(1, prompt="fail")
        assert [type(step).__name__ for step in steps] == ["JobProgressed", "StageFailed", "JobDone"]
        assert it.nursery.deaths == 0


async def test_without_a_child_a_run_is_lost_at_once() -> None:
    it = Watched(SETTINGS)
    with pytest.raises(ChildLost):
        await it.steps(1)


async def test_the_child_ignores_the_signals_that_its_parent_answers() -> None:
    async with watched() as it:
        await it.born()
        assert it.nursery.pid is not None
        os.kill(it.nursery.pid, signal.SIGINT)
        os.kill(it.nursery.pid, signal.SIGTERM)
        assert isinstance((await it.steps(1))[-1], JobDone)


async def failure(settings: NodeSettings) -> BaseException:
    with pytest.raises(BaseExceptionGroup) as caught:
        async with watched(settings):
            await asyncio.Event().wait()
    return caught.value.exceptions[0]


async def test_a_model_that_is_not_there_ends_the_watch() -> None:
    error = await failure(NodeSettings(asr_model="/nowhere/whisper"))
    assert isinstance(error, ModelMissing)
    assert "/nowhere/whisper" in str(error)


async def test_a_gpu_that_is_not_there_ends_the_watch() -> None:
    error = await failure(NodeSettings(device="cuda"))
    assert isinstance(error, SettingsError)
    assert "cuda" in str(error)


async def test_children_that_never_live_end_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nursery, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    error = await failure(SETTINGS)
    assert isinstance(error, EngineError)
    assert "3 times" in str(error)


def test_the_child_dies_with_its_parent() -> None:
    """Killed with SIGKILL, the parent can tell nobody: the kernel does."""
    parent = textwrap.dedent(
        """
        import asyncio
        from node_runtime.nursery import Nursery
        from wire.env import NodeSettings

        async def main():
            born = asyncio.Event()
            nursery = Nursery(NodeSettings(engine="scripted"), "n1", lambda loaded: born.set(), lambda: None)
            async with asyncio.TaskGroup() as group:
                group.create_task(nursery.watch())
                await born.wait()
                print(nursery.pid, flush=True)

        asyncio.run(main())
        """
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        assert child.is_running()
        process.kill()
        child.wait(5)


def test_what_a_library_prints_does_not_reach_the_frames() -> None:
    """The child's own standard output is standard error by the time anything else runs."""
    script = textwrap.dedent(
        """
        import os, sys
        from node_runtime import child

        def serve(self):
            print("from Python", flush=True)
            os.write(1, b"from C\\n")
            self._sink.write(b"frame")
            self._sink.flush()

        child.Child.serve = serve
        sys.argv[1:] = [str(os.getppid())]
        child.main()
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30, check=False)
    assert done.stdout == b"frame"
    assert b"from Python" in done.stderr
    assert b"from C" in done.stderr
