"""The bound is one queue; figures say which budget is missed."""

from __future__ import annotations

import pytest

from bench.streamed import HEADINGS, Figures, Streamed, Utterance, bounds, error_rate, figures, spread


def session(*told: float, bare: float = 0.5, first: float = 1.0) -> Streamed:
    """Two utterances that ended at 5.0 and 10.0."""
    utterances = [Utterance("ask not", ended, at, bare) for ended, at in zip((5.0, 10.0), told, strict=True)]
    utterances[-1].last = True
    return Streamed(spoke=0.3, closed=10.0, first_text=first, utterances=utterances, asked=10, answered=8, delays=[0.5])


def test_the_bare_engine_works_in_one_queue() -> None:
    assert bounds([session(5.5, 10.5)]) == [0.5]
    assert bounds([session(6, 11)] * 3) == [0.5, 1.0, 1.5]
    assert bounds([session(6, 11, bare=3.0)] * 2) == [4.0, 7.0], "what ended at 5 is done at 11"


def test_figures_are_of_all_sessions() -> None:
    found = figures([session(5.6, 10.6), session(5.9, 11.2, first=2.0)], "Ask not. Ask not!", "ask not ask")
    assert (found.sessions, found.asked, found.answered, found.error_rate) == (2, 20, 16, 0.0)
    assert found.bare_error_rate == 0.25
    assert found.first_text == pytest.approx([0.7, 1.7])
    assert found.final_lag == pytest.approx([0.6, 1.2])
    assert found.utterance_lag == pytest.approx([0.6, 0.6, 0.9, 1.2])
    assert found.times_bound == pytest.approx(1.2)
    assert found.missed() == []
    cells = found.cells()
    assert len(cells) == len(HEADINGS)
    assert cells[2:4] == ("0.50, 0.50, 0.50 s", "0.60, 1.20, 1.20 s")
    assert cells[8:] == ("16 of 20", "20 %", "", "ok")


@pytest.mark.parametrize(
    ("sessions", "said", "missed"),
    [
        ([session(5.6, 10.6)], "ask not ask not", []),
        ([session(5.6, 10.6, first=2.0)], "ask not ask not", ["first text"]),
        ([session(5.6, 11.0)], "ask not ask not", ["final lag"]),
        ([session(5.6, 10.6)], "ask not what", []),  # nor does the bare engine hear that
        ([session(5.6, 11.0), session(5.6, 11.6, first=9.0)], "ask not ask not", ["p95 / bound"]),
    ],
)
def test_a_budget_that_is_missed_is_named(sessions: list[Streamed], said: str, missed: list[str]) -> None:
    found: Figures = figures(sessions, said, "ask not ask not")
    assert found.missed() == missed
    assert found.cells()[-1] == (f"OVER: {', '.join(missed)}" if missed else "ok")


def test_a_final_before_the_end_lags_by_nothing() -> None:
    assert figures([session(5.6, 9.9)], "", "").final_lag == [0.0]


def test_sounds_are_told_in_milliseconds() -> None:
    one = session(5.6, 10.6)
    one.sounds, one.asked, one.delays = [0.05, 0.1, 0.25], 0, []
    cells = figures([one], "ask not ask not", "ask not ask not").cells()
    assert (cells[2], cells[7], cells[9], cells[10], cells[11]) == ("", "0.0 (0.0) %", "", "100, 250 ms", "ok")
    one.sounds.append(0.31)
    assert figures([one], "ask not ask not", "").missed() == ["first sound"]


def test_words_that_the_bare_engine_hears_are_not_lost() -> None:
    one = session(5.6, 10.6)
    one.utterances[1].text = "ask snot"
    assert figures([one], "ask not ask not", "ask not ask not").missed() == ["WER"]


@pytest.mark.parametrize(
    ("said", "heard", "rate"),
    [
        ("Ask not, my friend!", "ask not my friend", 0.0),
        ("ask not my friend", "", 1.0),
        ("ask not my friend", "ask my fiend friend", 0.5),
        ("l’anglais", "l'anglais", 0.0),
        ("打开客厅的灯", "打开客厅灯", 1 / 6),
        ("거실 불 켜줘", "거실 불 꺼줘", 1 / 3),
    ],
)
def test_error_rate(said: str, heard: str, rate: float) -> None:
    assert error_rate(said, heard) == pytest.approx(rate)


def test_spread_of_nothing_is_nothing() -> None:
    assert spread([]) == ""
