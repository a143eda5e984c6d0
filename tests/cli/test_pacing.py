from __future__ import annotations

import pytest

from cli.pacing import PATIENCE_S, Pacing


def test_each_piece_is_due_when_the_one_before_has_been_heard() -> None:
    pacing = Pacing(100.0)
    assert [pacing.due(i * 0.1) for i in range(3)] == pytest.approx([100.0, 100.1, 100.2])


def test_an_hour_of_audio_takes_an_hour_however_late_each_piece_was() -> None:
    pacing, now, sent = Pacing(5.0), 5.0, 0.0
    for i in range(36_000):
        now = max(now, pacing.due(sent)) + (0.03 if i % 7 == 0 else 0.0)  # this machine dawdles now and then
        sent = (i + 1) * 0.1
    assert now == pytest.approx(3604.9, abs=0.1)


def test_twice_the_speed_takes_half_the_time() -> None:
    assert Pacing(0.0, 2.0).due(60.0) == 30.0


def test_a_source_that_stalls_moves_what_is_to_come() -> None:
    pacing = Pacing(0.0)
    pacing.stalled(1.0, 11.0)
    assert pacing.due(1.0) == 11.0
    assert pacing.due(2.0) == 12.0


@pytest.mark.parametrize("late", [-0.5, 0.0, PATIENCE_S])
def test_a_hiccup_is_made_up(late: float) -> None:
    pacing = Pacing(0.0)
    pacing.stalled(1.0, 1.0 + late)
    assert pacing.due(1.0) == 1.0
