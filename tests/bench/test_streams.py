"""It runs, with few and little, and everything in its table is there. What the figures say is no test."""

from __future__ import annotations

import pytest

from bench import speech, streams
from bench.streams import Played, delays, sent_at
from wire.protocol import StartRequest


def test_a_partial_is_as_late_as_the_newest_audio_that_it_knows() -> None:
    played = Played("s", sent=[10.0 + number / 10 for number in range(50)], partials=[12.0, 13.0, 14.0])
    asked = {1: 1.0, 2: 2.0, 3: 3.0}
    answers = {1: 11.9, 2: 12.9}
    assert delays(played, asked, answers) == pytest.approx([12.0 - 10.9, 13.0 - 11.9, 14.0 - 11.9])
    assert delays(played, asked, {}) == []


def test_audio_has_been_sent_with_the_chunk_that_completes_it() -> None:
    played = Played("s", sent=[1.0, 2.0, 3.0])
    assert [sent_at(played, at) for at in (0.0, 0.05, 0.1, 0.11, 0.3, 9.0)] == [1.0, 1.0, 1.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize("sessions", ["0", "x", "1,-2", ""])
def test_numbers_that_are_none_are_refused(sessions: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        streams.main(["--sessions", sessions])
    assert ended.value.code == 2
    assert "give numbers of sessions" in capsys.readouterr().err


@pytest.mark.models
async def test_sessions_are_measured_beside_the_bare_engine() -> None:
    pcm = speech.spoken(speech.SAID[1:])
    rows = await streams.measure([1, 2], pcm, StartRequest(source="en"), speech.SAID[1])
    assert [row.sessions for row in rows] == [1, 2]
    for row in rows:
        assert len(row.final_lag) == len(row.bound) == row.sessions
        assert min(row.bound) > 0.05
        assert row.error_rate < 0.2
        assert row.answered <= row.asked
        assert all(0 < each < 60 for each in (*row.first_text, *row.utterance_lag))
