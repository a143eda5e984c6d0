from __future__ import annotations

import io
import json

import msgspec
import pytest

from cli.events import Event, Postponed, SpeechFrame, UnknownEvent
from cli.lines import JsonLines, PlainLines, complaint, described
from cli.summary import Summary
from wire.options import Word
from wire.protocol import (
    AudioAck,
    ErrorTold,
    QueueStatus,
    SessionReady,
    SpeechMissing,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
    TranslationPartial,
    UtteranceEmpty,
)

SAID = TranscriptFinal(n=2, utterance=1, text="Çà et\nlà", language="fr", start=0.1, end=1.0)
SUMMARY = Summary(2.0, 1, 0.5, 0.25, None, 0)


def test_json_has_type_and_time_first_and_all_fields() -> None:
    out = io.StringIO()
    view = JsonLines(out)
    view.sent(1.0)
    view.heard(SAID, 1.23456)
    view.ended(SUMMARY)
    first, last = out.getvalue().splitlines()
    assert first.startswith('{"type":"transcript.final","t":1.235,"n":2,"utterance":1,"text":"Çà et\\nlà"')
    assert json.loads(last) == {
        "type": "summary", "audio_s": 2.0, "utterances": 1, "first_text_s": 0.5, "final_lag_s": 0.25,
        "speech_lag_s": None, "lost": 0, "partials": 0,
    }  # fmt: skip


@pytest.mark.parametrize("event", [AudioAck(chunk=1), SpeechFrame(1, "en", 0, 8000, b""), UnknownEvent("later", 3)])
def test_json_leaves_housekeeping_out(event: Event) -> None:
    out = io.StringIO()
    JsonLines(out).heard(event, 0.0)
    assert out.getvalue() == ""


def test_plain_lines_are_finals_and_errors() -> None:
    out, complaints = io.StringIO(), io.StringIO()
    view = PlainLines(out, complaints)
    view.sent(1.0)
    view.heard(SessionReady(n=1, session="s", source="auto", targets=["en"], speech=True, next_chunk=0), 0.0)
    view.heard(TranscriptPartial(utterance=1, committed="a", tentative="b"), 0.5)
    view.heard(SAID, 1.0)
    view.heard(TranslationFinal(n=3, utterance=1, target="en", text="Here and there"), 2.0)
    view.heard(SpeechMissing(n=4, utterance=1, target="en", reason="no voice"), 2.0)
    view.heard(UtteranceEmpty(n=5, utterance=2, reason="noise", start=1.0, end=2.0), 12.0)
    view.heard(ErrorTold(n=6, code="timed_out", message="too late", retryable=True, utterance=3, target="en"), 13.0)
    view.ended(SUMMARY)
    assert out.getvalue() == (
        "    1.0 s    1 fr  Çà et\nlà\n"
        "    2.0 s    1 en  Here and there\n"
        "    2.0 s    1 en  (not spoken: no voice)\n"
        "   12.0 s    2 --  (noise)\n"
        "2.0 s of audio, 1 utterances, first text after 0.5 s, last text 0.2 s after the last audio, nothing lost\n"
    )
    assert complaints.getvalue() == "dragoman stream: utterance 3 in en: too late (timed_out)\n"


def test_words_have_their_times() -> None:
    out = io.StringIO()
    words = [Word("Çà", 0.12, 0.4), Word("et", 0.45, 0.5)]
    PlainLines(out, io.StringIO()).heard(msgspec.structs.replace(SAID, text="Çà et", words=words), 1.0)
    assert out.getvalue() == "    1.0 s    1 fr  Çà et\n                  0.1 Çà  0.5 et\n"


def test_partials_are_events_to_programs_and_counted_for_people() -> None:
    out, lines = io.StringIO(), io.StringIO()
    partial = TranslationPartial(utterance=1, target="en", committed="Here", tentative=" and")
    JsonLines(out).heard(partial, 0.5)
    assert json.loads(out.getvalue()) == {
        "type": "translation.partial", "t": 0.5, "utterance": 1, "target": "en", "committed": "Here",
        "tentative": " and",
    }  # fmt: skip
    PlainLines(lines, lines).heard(partial, 0.5)
    assert lines.getvalue() == ""
    assert "first text after 0.5 s, 3 partials" in described(Summary(2.0, 1, 0.5, 0.25, None, 0, 3))


def test_what_an_error_was_about_is_said() -> None:
    assert complaint(ErrorTold(code="c", message="m", retryable=False)) == "m (c)"
    assert complaint(ErrorTold(code="c", message="m", retryable=False, utterance=2)) == "utterance 2: m (c)"


def test_what_was_lost_is_said() -> None:
    assert described(Summary(1.0, 0, None, None, None, 3)) == "1.0 s of audio, 0 utterances, 3 lost"


def test_a_session_that_never_was_has_no_numbers() -> None:
    assert described(Summary(0.0, 0, None, None, None, 0)) == "no audio was sent"


def test_who_waits_is_told_each_place_once_and_json_has_all() -> None:
    out, complaints, json_out = io.StringIO(), io.StringIO(), io.StringIO()
    events: list[Event] = [
        Postponed(seconds=12.2),
        QueueStatus(position=2, ahead=1, eta_s=20.4),
        QueueStatus(position=2, ahead=1, eta_s=19.4),
        QueueStatus(position=1, ahead=0),
    ]
    plain, told = PlainLines(out, complaints), JsonLines(json_out)
    for event in events:
        plain.heard(event, 0.0)
        told.heard(event, 0.0)
    assert complaints.getvalue().splitlines() == [
        "dragoman stream: there is no room, and the line is full: trying again in 12 s",
        "dragoman stream: waiting to be let in: number 2 in line, about 20 s",
        "dragoman stream: waiting to be let in: number 1 in line",
    ]
    assert not out.getvalue()
    lines = [json.loads(line) for line in json_out.getvalue().splitlines()]
    assert lines[0] == {"type": "connection.postponed", "t": 0.0, "seconds": 12.2}
    assert lines[1] == {"type": "queue.status", "t": 0.0, "position": 2, "ahead": 1, "eta_s": 20.4}
    assert len(lines) == 4
