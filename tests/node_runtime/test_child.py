"""The engines' process by itself, as its parent would drive it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from node_runtime import child, frames
from tests.node_runtime import sounds
from tests.node_runtime.conftest import job, partial
from wire import pipes
from wire.env import NodeSettings
from wire.messages import JobDone, StageFailed, Transcribed

PCM = sounds.pcm(sounds.white(0.5))


class Driven:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self.input, self.output = process.stdin, process.stdout

    def send(self, frame: frames.Frame) -> None:
        self.input.write(frames.pack(frame))
        self.input.flush()

    def read(self) -> frames.ToParent:
        """The next frame that is no beat."""
        while True:
            (length,) = pipes.LENGTH.unpack(self.output.read(pipes.LENGTH.size))
            frame: frames.ToParent = frames.to_parent.decode(self.output.read(length))
            if not isinstance(frame, frames.Beat):
                return frame

    def until_ended(self) -> list[frames.ToParent]:
        found = [self.read()]
        while not isinstance(found[-1], frames.Ended):
            found.append(self.read())
        return found


def start(parent: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", child.__name__, str(parent)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.fixture
def driven() -> Iterator[Driven]:
    with start(os.getpid()) as process:
        yield Driven(process)
        process.kill()


def test_it_loads_runs_and_ends_with_its_input(driven: Driven) -> None:
    driven.send(frames.Begin(settings=NodeSettings(engine="scripted", scripted_rtf=0.01), node="n7"))
    loaded = driven.read()
    assert isinstance(loaded, frames.Loaded)
    assert (loaded.device, loaded.tags) == ("cpu", [])
    driven.send(frames.Run(run=1, job=job("s", 1, PCM, source="fr", attempt=3)))
    *steps, ended = driven.until_ended()
    said = [each.step for each in steps if isinstance(each, frames.Stepped)]
    assert [type(step) for step in said[1:]] == [Transcribed, JobDone]
    assert {(step.attempt, step.node) for step in said if isinstance(step, Transcribed | JobDone)} == {(3, "n7")}
    assert ended == frames.Ended(run=1)
    driven.input.close()
    assert driven.process.wait(10) == 0


def test_what_an_engine_raises_is_told_and_the_next_job_runs(driven: Driven) -> None:
    driven.send(frames.Begin(settings=NodeSettings(engine="scripted", scripted_rtf=0.01), node="n7"))
    driven.read()
    driven.send(frames.Run(run=1, job=job("s", 1, PCM, source="fr", prompt="fail")))
    driven.send(frames.Run(run=2, job=job("s", 2, PCM, source="fr")))
    kinds = [type(each.step) for each in driven.until_ended() if isinstance(each, frames.Stepped)]
    assert StageFailed in kinds
    assert driven.until_ended()[-1] == frames.Ended(run=2)


def test_a_glimpse_is_answered_while_every_slot_is_busy_only_after_them(driven: Driven) -> None:
    driven.send(frames.Begin(settings=NodeSettings(engine="scripted", scripted_rtf=0.1), node="n7"))
    driven.read()
    driven.send(frames.Run(run=1, job=job("s", 1, PCM, source="fr", prompt="slow")))
    driven.send(frames.Glimpse(run=2, job=partial("s", 2, PCM, source="fr")))
    assert driven.until_ended()[-1] == frames.Ended(run=1)
    answer = driven.read()
    assert isinstance(answer, frames.Glimpsed)
    assert answer.hypothesis is not None
    assert (answer.run, answer.hypothesis.text, answer.hypothesis.node) == (2, "I heard", "n7")


def test_a_glimpse_that_breaks_is_told_and_the_next_is_answered(driven: Driven) -> None:
    driven.send(frames.Begin(settings=NodeSettings(engine="scripted", scripted_rtf=0.01), node="n7"))
    driven.read()
    driven.send(frames.Glimpse(run=1, job=partial("s", 1, PCM, prompt="fail")))
    assert driven.read() == frames.Glimpsed(run=1, error="EngineError")
    driven.send(frames.Glimpse(run=2, job=partial("s", 1, PCM)))
    answer = driven.read()
    assert isinstance(answer, frames.Glimpsed)
    assert answer.hypothesis is not None


def test_engines_that_cannot_be_loaded_are_told(driven: Driven) -> None:
    driven.send(frames.Begin(settings=NodeSettings(engine="scripted", custom_engines=["nobody's"]), node="n7"))
    told = driven.read()
    assert isinstance(told, frames.Unusable)
    assert (told.code, "nobody's" in told.message) == ("bad_settings", True)
    assert driven.process.wait(10) == 0


def test_without_its_parent_it_does_not_begin() -> None:
    with start(os.getpid() + 1) as process:
        assert process.wait(10) == 0
