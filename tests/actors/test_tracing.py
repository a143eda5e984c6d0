from __future__ import annotations

import time
from typing import Any

import pytest

from actors.commands import Command, RunJob, SaveSnapshot, TellClient, TellLive
from actors.session import Session
from actors.tracing import Traces, dispatched, of_event, of_job, utterance_of
from tests.actors.life import T0, Teller, transcribed
from tests.recorder import Notes, noting
from wire import spans, trace
from wire.env import SchedulerSettings
from wire.messages import FoundEmpty, JobDone, Mail, StageFailed
from wire.protocol import ErrorTold, SessionUpdated, TranscriptFinal

NODE: dict[str, Any] = {"job": "s1.1", "utterance": 1, "attempt": 1, "node": "n1"}
ENDED: list[Mail] = [transcribed(1), JobDone(seconds={}, **NODE)]


def lived(
    traces: Traces, mails: list[tuple[float, Mail]], session: Session | None = None
) -> tuple[Session, list[Command]]:
    """As the host does it: folded, noted, carried out at once."""
    session = session or Session("s1", SchedulerSettings())
    every: list[Command] = []
    for sequence, (at, mail) in enumerate(mails, session.state.sequence + 1):
        commands = session.handle(mail, sequence, at)
        traces.commanded(session, commands, at)
        for command in commands:
            if isinstance(command, TellClient):
                traces.told("s1", command.event, time.monotonic())
        every += commands
    return session, every


def spoken(targets: tuple[str, ...] = ()) -> list[tuple[float, Mail]]:
    return Teller(targets=targets).quiet(0.6).voice(1.2).quiet(1.0).story


def test_nothing_is_kept_while_nothing_is_recorded() -> None:
    traces = Traces()
    session, commands = lived(traces, spoken())
    lived(traces, [(T0 + 5, mail) for mail in ENDED], session)
    job = next(command.job for command in commands if isinstance(command, RunJob))
    assert traces._begun == {}
    assert of_job(job) is spans.NOTHING
    assert of_event("s1", TranscriptFinal(utterance=1, text="a", language="fr", start=0.0, end=1.0)) is spans.NOTHING


def test_an_utterance_lasts_from_its_audio_to_the_last_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    traces = Traces()
    with noting(monkeypatch) as notes:
        session, commands = lived(traces, spoken())
        assert notes.names == ["scheduler.decide"]
        lived(traces, [(T0 + 5, mail) for mail in ENDED], session)
    decided, told, root = notes.one("scheduler.decide"), notes.one("scheduler.tell"), notes.one("utterance")
    job = next(command.job for command in commands if isinstance(command, RunJob))
    assert root.start == pytest.approx(T0 + job.start, abs=0.2)
    assert 0 <= decided.start - root.start - len(job.pcm) / 32_000 < 0.7  # the silence that ended it
    assert (root.id, root.parent) == (trace.span_id("s1", 1), 0)
    assert {decided.parent, told.parent} == {root.id}
    assert root.about == {"session": "s1", "utterance": 1, "outcome": "text", "attempts": 1}
    assert told.about["event"] == "transcript.final"
    assert (root.error, told.error) == ("", "")
    assert traces._begun == {}


def test_it_lasts_until_every_target_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with noting(monkeypatch) as notes:
        session, _ = lived(traces := Traces(), spoken(("en",)))
        lived(traces, [(T0 + 5, transcribed(1))], session)
        assert "utterance" not in notes.names
        failed = StageFailed(
            stage="translate", code="translation_failed", message="x", retryable=False, target="en", **NODE
        )
        lived(traces, [(T0 + 6, failed)], session)
    root, (text, error) = notes.one("utterance"), [each for each in notes.all if each.name == "scheduler.tell"]
    assert (root.about["outcome"], root.error) == ("text", "")
    assert (text.error, error.error, error.about["target"]) == ("", "translation_failed", "en")


@pytest.mark.parametrize(
    ("mail", "outcome", "error"),
    [
        (FoundEmpty(reason="noise", **NODE), "empty", ""),
        (
            StageFailed(stage="asr", code="engine_failed", message="x", retryable=False, **NODE),
            "engine_failed",
            "engine_failed",
        ),
    ],
)
def test_the_outcome_is_told(monkeypatch: pytest.MonkeyPatch, mail: Mail, outcome: str, error: str) -> None:
    with noting(monkeypatch) as notes:
        session, _ = lived(traces := Traces(), spoken())
        lived(traces, [(T0 + 5, mail)], session)
    assert (notes.one("utterance").about["outcome"], notes.one("utterance").error) == (outcome, error)


def test_another_attempt_is_another_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    with noting(monkeypatch) as notes:
        session, _ = lived(traces := Traces(), spoken())
        failed = StageFailed(stage="asr", code="engine_crashed", message="x", retryable=True, **NODE)
        _, commands = lived(traces, [(T0 + 5, failed)], session)
        job = next(command.job for command in commands if isinstance(command, RunJob))
        binding = next(command.binding for command in commands if isinstance(command, RunJob))
        dispatched(job, time.time(), binding, ["n1"])
        headers = of_job(job)
        lived(traces, [(T0 + 6, transcribed(1, attempt=2))], session)
    first, second = [each for each in notes.all if each.name == "scheduler.decide"]
    assert (first.about["attempt"], second.about["attempt"]) == (1, 2)
    assert first.id != second.id
    sent = notes.one("scheduler.dispatch")
    assert (sent.about["attempt"], sent.about["excluded"], sent.about["targets"]) == (2, "n1", 0)
    assert sent.about["audio_s"] == pytest.approx(len(job.pcm) / 32_000, abs=1e-3)
    assert trace.parent_in(headers) == sent.id != 0
    assert notes.one("utterance").about["attempts"] == 2


def test_a_successor_records_the_same_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is replayed after a crash is the same trace, the same spans."""

    def life() -> Notes:
        with noting(monkeypatch) as notes:
            session, _ = lived(traces := Traces(), spoken())
            lived(traces, [(T0 + 5, mail) for mail in ENDED], session)
        return notes

    one, other = life(), life()
    kept = ("utterance", "scheduler.decide")
    assert [(each.name, each.id) for each in one.all if each.name in kept] == [
        (each.name, each.id) for each in other.all if each.name in kept
    ]


def test_what_was_begun_elsewhere_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its job was commanded before the snapshot that a successor found."""
    session, _ = lived(Traces(), spoken())
    with noting(monkeypatch) as notes:
        lived(Traces(), [(T0 + 5, transcribed(1))], session)
    root = notes.one("utterance")
    assert T0 <= root.start < T0 + 6
    assert root.about["attempts"] == 0


def test_a_session_that_ends_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    traces = Traces()
    with noting(monkeypatch):
        session, _ = lived(traces, spoken())
        assert traces._begun
        traces.commanded(session, session.abort("operator"), T0 + 5)
    assert traces._begun == {}


def test_what_is_about_no_utterance_is_in_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    updated = SessionUpdated(n=3, source="fr", targets=[], speech=False)
    with noting(monkeypatch) as notes:
        assert utterance_of(ErrorTold(n=1, code="x", message="y", retryable=False)) == 0
        assert of_event("s1", updated) == {}
        traces = Traces()
        traces.told("s1", updated, time.monotonic())
        session = Session("s1", SchedulerSettings())
        traces.commanded(session, [TellClient(updated), TellLive(updated), SaveSnapshot()], T0)
    assert notes.all == []
