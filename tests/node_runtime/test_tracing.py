from __future__ import annotations

import time
from typing import Any

import pytest

from node_runtime import tracing
from node_runtime.frames import Step
from node_runtime.tracing import Attempt
from tests.node_runtime.conftest import job
from tests.recorder import noting
from wire import trace
from wire.jobs import PartialJob
from wire.messages import (
    FoundEmpty,
    JobDone,
    JobProgressed,
    SpeechEnded,
    SpeechUnavailable,
    StageFailed,
    Transcribed,
    Translated,
)

ABOUT: dict[str, Any] = {"job": "s.1", "utterance": 1, "attempt": 2, "node": "n1"}
WORK = job("s", 1, b"", attempt=2)
SENT = trace.span_id("s", 1, "dispatch.2")
DONE: list[tuple[str, Step]] = [
    ("", JobProgressed(stage="asr", **ABOUT)),
    ("", Transcribed(text="bonjour", language="fr", **ABOUT)),
    ("", Translated(target="fr", text="bonjour", **ABOUT)),
    ("", JobProgressed(stage="translate", **ABOUT)),
    ("", Translated(target="en", text="hello", **ABOUT)),
    ("", Translated(target="de", text="hallo", **ABOUT)),
    ("en", JobProgressed(stage="speech", **ABOUT)),
    ("de", JobProgressed(stage="speech", **ABOUT)),
    ("en", SpeechEnded(target="en", seconds=1.5, chunks=2, **ABOUT)),
    ("de", SpeechUnavailable(target="de", reason="no voice", **ABOUT)),
    ("", JobDone(seconds={}, **ABOUT)),
]


class Delivery:
    """What `Attempt` asks a `Taken` for."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers
        self.stored = time.time() - 2.0
        self.deliveries = 1


def attempt(headers: dict[str, str] | None = None) -> Attempt:
    if headers is None:
        headers = {trace.TRACEPARENT: trace.written(trace.trace_id("s", 1), SENT)}
    return Attempt("n1", Delivery(headers), WORK)  # type: ignore[arg-type]


def test_nothing_is_kept_while_nothing_is_recorded() -> None:
    made = attempt()
    made.begin()
    for target, step in DONE:
        made.step(target, step)
    made.end("done")
    assert made.headers == {}
    assert made._since == {}


def test_stages_are_under_the_attempt_and_that_is_under_its_dispatch(monkeypatch: pytest.MonkeyPatch) -> None:
    with noting(monkeypatch) as notes:
        made = attempt()
        made.begin()
        for target, step in DONE:
            made.step(target, step)
        made.end("done")
        headers = made.headers
    queue, whole = notes.one("node.queue"), notes.one("node.attempt")
    assert queue.parent == whole.parent == SENT
    assert queue.end - queue.start == pytest.approx(2.0, abs=0.5)
    assert whole.about == {"session": "s", "utterance": 1, "node": "n1", "attempt": 2, "outcome": "done"}
    assert trace.parent_in(headers) == whole.id
    stages = [each for each in notes.all if each.parent == whole.id]
    assert [(each.name, each.about.get("target"), each.error) for each in stages] == [
        ("node.asr", None, ""),
        ("node.translate", "en", ""),
        ("node.translate", "de", ""),
        ("node.speech", "en", ""),
        ("node.speech", "de", "unavailable"),
    ]
    assert stages[0].about["characters"] == len("bonjour")
    assert not {"bonjour", "hello", "hallo"} & {str(value) for each in notes.all for value in each.about.values()}


def test_failures_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    with noting(monkeypatch) as notes:
        made = attempt()
        made.begin()
        made.step("", JobProgressed(stage="asr", **ABOUT))
        made.step("", StageFailed(stage="asr", code="engine_failed", message="x", retryable=True, **ABOUT))
        made.end("failed", "engine_failed")
    assert (notes.one("node.asr").error, notes.one("node.attempt").error) == ("engine_failed", "engine_failed")


def test_silence_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with noting(monkeypatch) as notes:
        made = attempt()
        made.begin()
        made.step("", JobProgressed(stage="asr", **ABOUT))
        made.step("", FoundEmpty(reason="noise", **ABOUT))
    assert notes.one("node.asr").about["empty"] == "noise"


def test_a_job_without_a_header_is_under_its_utterance(monkeypatch: pytest.MonkeyPatch) -> None:
    """It came from a scheduler that knows of no traces."""
    with noting(monkeypatch) as notes:
        made = attempt({})
        made.begin()
        made.end("done")
    assert notes.one("node.attempt").parent == trace.span_id("s", 1)


def test_a_partial_is_told_as_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = PartialJob(session="s", utterance=1, generation=3, pool="p", source="fr", pcm=b"", start=0.0)
    with noting(monkeypatch) as notes:
        tracing.partial(wanted, time.time(), "stale")
    assert notes.one("node.partial").about["outcome"] == "stale"
