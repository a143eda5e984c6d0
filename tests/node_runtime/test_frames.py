from __future__ import annotations

import pytest

from node_runtime import frames
from tests.node_runtime.conftest import job, partial
from wire import pipes
from wire.env import NodeSettings
from wire.jobs import SpeechChunk
from wire.messages import Hypothesis, Translated

CHUNK = SpeechChunk(job="s.1", attempt=1, sequence=0, sample_rate=22_050, pcm=b"\x00\x01")
TEXT = Translated(job="s.1", utterance=1, attempt=1, node="n", target="en", text="hello")


@pytest.mark.parametrize(
    "frame",
    [
        frames.Begin(settings=NodeSettings(voices=["a", "b"]), node="n"),
        frames.Run(run=7, job=job("s", 1, b"\xff\x00", targets=["en"])),
        frames.Glimpse(run=8, job=partial("s", 1, b"\xff\x00", live=["en"])),
    ],
)
def test_what_goes_to_the_child_comes_back_whole(frame: frames.Frame) -> None:
    packed = frames.pack(frame)
    assert pipes.LENGTH.unpack(packed[:4]) == (len(packed) - 4,)
    assert frames.to_child.decode(packed[4:]) == frame


@pytest.mark.parametrize(
    "frame",
    [
        frames.Loaded(device="cpu", models=["m"], sources=["fr"], targets={"en": ["*"]}, voices={"en": "v"}),
        frames.Glimpsed(run=8, hypothesis=Hypothesis(session="s", utterance=1, generation=2, node="n", text="so")),
        frames.Glimpsed(run=8, error="RuntimeError"),
        frames.Unusable(code="model_missing", message="no"),
        frames.Beat(),
        frames.Stepped(run=7, step=CHUNK, target="en"),
        frames.Stepped(run=7, step=TEXT, target="en"),
        frames.Ended(run=7, error="broken"),
    ],
)
def test_what_comes_from_the_child_comes_whole(frame: frames.Frame) -> None:
    assert frames.to_parent.decode(frames.pack(frame)[4:]) == frame
