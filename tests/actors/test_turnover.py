from __future__ import annotations

from actors.turnover import LEAST_S, WINDOW_S, Turnover


def test_nothing_is_known_before_anybody_waited_and_came_in() -> None:
    turnover = Turnover()
    turnover.look(0.0, [])
    turnover.look(5.0, ["a"])
    turnover.look(50.0, ["a"])
    assert turnover.a_minute == 0.0


def test_who_was_granted_room_and_waits_no_more_has_come_in() -> None:
    turnover = Turnover()
    turnover.look(0.0, ["a", "b", "c", "d"])
    turnover.grant(["a", "b", "gone long ago"], ["a", "b", "c", "d"])
    turnover.look(30.0, ["b", "d"])
    assert turnover.a_minute == 2.0, "a came in, c went away"
    turnover.look(31.0, ["b", "d"])
    turnover.look(60.0, ["d"])
    assert turnover.a_minute == 2.0, "two in a minute"


def test_a_few_at_once_are_no_rate() -> None:
    turnover = Turnover()
    turnover.look(0.0, ["a"])
    turnover.grant(["a"], ["a"])
    turnover.look(0.2, [])
    assert turnover.a_minute == 60 / LEAST_S


def test_only_the_last_minutes_count_and_a_new_crowd_begins_anew() -> None:
    turnover = Turnover()
    turnover.look(0.0, ["a", "b"])
    turnover.grant(["a"], ["a", "b"])
    turnover.look(1.0, ["b"])
    turnover.look(WINDOW_S, ["b"])
    assert turnover.a_minute == 60 / WINDOW_S
    turnover.look(WINDOW_S + 1.0, ["b"])
    assert turnover.a_minute == 0.0
    turnover.look(WINDOW_S + 2.0, [])
    turnover.look(5000.0, ["c"])
    turnover.grant(["c"], ["c"])
    turnover.look(5020.0, [])
    assert turnover.a_minute == 3.0
