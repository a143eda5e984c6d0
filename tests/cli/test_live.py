from __future__ import annotations

import io

from rich.console import Console

from cli.live import LiveCaptions
from cli.summary import Summary
from wire.protocol import (
    ErrorTold,
    QueueStatus,
    SessionReady,
    SpeechFinished,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
    TranslationPartial,
    UtteranceEmpty,
)


def test_captions_stand_side_by_side_at_the_end() -> None:
    out = io.StringIO()
    view = LiveCaptions(Console(file=out, width=100, height=30, force_terminal=True, color_system=None), 10.0)
    view.heard(SessionReady(n=1, session="s", source="auto", targets=["en", "de"], speech=True, next_chunk=0), 0.0)
    view.sent(1.0)
    view.heard(TranscriptPartial(utterance=1, committed="Bon", tentative="jour"), 0.5)
    view.heard(TranscriptFinal(n=2, utterance=1, text="Bonjour", language="fr", start=0.0, end=1.0), 1.0)
    view.heard(TranslationFinal(n=3, utterance=1, target="en", text="Hello"), 1.0)
    view.heard(SpeechFinished(n=4, utterance=1, target="en", seconds=1.0, chunks=2), 1.5)
    view.heard(ErrorTold(n=5, code="timed_out", message="late", retryable=True, utterance=1, target="de"), 2.0)
    view.heard(UtteranceEmpty(n=6, utterance=2, reason="noise", start=1.0, end=2.0), 2.0)
    view.heard(ErrorTold(n=7, code="engine_failed", message="crash", retryable=True, utterance=3), 2.0)
    view.heard(ErrorTold(code="going_away", message="restarting", retryable=True), 2.0)
    view.ended(Summary(2.0, 3, 0.5, 0.2, None, 2))
    lines = out.getvalue().rpartition("auto")[2].splitlines()
    row = next(line for line in lines if "Bonjour" in line)
    assert row.replace("│", "").split() == ["1", "fr", "Bonjour", "Hello", "♪", "failed"]
    assert any("(noise)" in line for line in lines)
    assert any("utterance 3: crash (engine_failed)" in line for line in lines)
    assert any("restarting (going_away)" in line for line in lines)
    assert "2 lost" in lines[-1]


def test_many_utterances_do_not_fill_the_screen_and_all_stay_at_the_end() -> None:
    out = io.StringIO()
    console = Console(file=out, width=60, height=12, force_terminal=True, color_system=None)
    view = LiveCaptions(console, None)
    for utterance in range(1, 31):
        view.heard(
            TranscriptFinal(
                n=utterance, utterance=utterance, text=f"word{utterance}", language="en", start=0.0, end=1.0
            ),
            0.0,
        )
    assert len(console.render_lines(view._shown())) <= 12
    view.ended(Summary(2.0, 30, 0.5, 0.2, None, 0))
    assert all(f"word{utterance}" in out.getvalue() for utterance in range(1, 31))


def test_what_may_change_is_dim() -> None:
    out = io.StringIO()
    view = LiveCaptions(Console(file=out, width=100, height=30, force_terminal=True, color_system="standard"), None)
    view.heard(SessionReady(n=1, session="s", source="fr", targets=["en"], speech=False, next_chunk=0), 0.0)
    view.heard(TranscriptPartial(utterance=1, committed="Bonjour à", tentative="toux"), 0.5)
    view.heard(TranscriptPartial(utterance=1, committed="Bonjour à tous", tentative="les"), 0.9)
    view.heard(TranslationPartial(utterance=1, target="en", committed="Hello", tentative="to"), 0.9)
    row = view._row(1)
    assert (row.source.plain, row.targets["en"].plain) == ("Bonjour à tous les", "Hello to")
    for words in (row.source, row.targets["en"]):
        assert [(words.plain[span.start : span.end], str(span.style)) for span in words.spans] == [
            (words.plain.split()[-1], "dim italic")
        ]
    view.heard(TranscriptPartial(utterance=2, committed="大学生利用", tentative="漏洞"), 1.5)
    assert view._row(2).source.plain == "大学生利用漏洞"
    view.ended(Summary(1.0, 0, 0.5, None, None, 0))
    assert "\x1b[2;3mles\x1b[0m" in out.getvalue()


def test_the_place_in_line_is_shown_until_it_is_let_in() -> None:
    out = io.StringIO()
    view = LiveCaptions(Console(file=out, width=100, height=30, force_terminal=True, color_system=None), 10.0)
    view.heard(QueueStatus(position=3, ahead=2, eta_s=20.0), 0.0)
    view._live.refresh()
    assert "number 3 in line, about 20 s" in out.getvalue()
    view.heard(SessionReady(n=1, session="s", source="auto", targets=[], speech=False, next_chunk=0), 0.0)
    view.ended(Summary(0.0, 0, None, None, None, 0))
