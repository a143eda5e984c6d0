from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from node_runtime import precedence
from node_runtime.precedence import MadeWay, Precedence
from tests.waiting import until_now


def never(_: object) -> bool:
    return False


def test_several_finals_are_all_waited_for() -> None:
    going = Precedence(1)
    going.final_came()
    going.final_came()
    going.final_went()
    assert not going.is_free(0.01)
    going.final_went()
    assert going.is_free(0)


def test_a_piece_goes_on_while_nothing_else_is_to_be_done() -> None:
    going = Precedence(1)
    going.piece_came()
    assert list(going.by_turns(iter("abc"), never)) == ["a", "b", "c"]
    going.final_came()
    going.final_went()
    going.piece_came()
    assert list(going.by_turns(iter("de"), never)) == ["d", "e"]


def test_a_final_that_needs_its_place_stops_a_piece_between_two_steps() -> None:
    going = Precedence(1)
    going.piece_came()
    turns = going.by_turns(iter("abc"), never)
    assert next(turns) == "a"
    going.final_came()
    with pytest.raises(MadeWay):
        next(turns)


def test_a_piece_that_has_begun_to_speak_waits_but_does_not_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "YIELD_S", 0.01)
    going = Precedence(1)
    going.piece_came()
    turns = going.by_turns(iter("abcd"), lambda step: step == "b")
    assert [next(turns), next(turns)] == ["a", "b"]
    going.final_came()
    assert list(turns) == ["c", "d"]
    going.final_went()
    going.piece_came()
    assert list(going.by_turns(iter("e"), never)) == ["e"]


@pytest.mark.parametrize(("slots", "finals", "stopped"), [(3, 1, 0), (3, 2, 1), (3, 3, 2), (2, 1, 1)])
def test_no_more_pieces_stop_than_must(slots: int, finals: int, stopped: int) -> None:
    going = Precedence(slots)
    pieces = []
    for _ in range(2):
        going.piece_came()
        pieces.append(going.by_turns(iter("ab"), never))
    for _ in range(finals):
        going.final_came()
    ended = 0
    for piece in pieces:
        try:
            next(piece)
        except MadeWay:
            ended += 1
    assert ended == stopped


def test_what_breaks_leaves_its_place() -> None:
    going = Precedence(1)

    def broken() -> Iterator[str]:
        yield "a"
        raise RuntimeError("broken")

    going.piece_came()
    with pytest.raises(RuntimeError):
        list(going.by_turns(broken(), never))
    going.piece_came()
    assert list(going.by_turns(iter("a"), never)) == ["a"]
    going.piece_came()
    closed = going.by_turns(iter("ab"), never)
    next(closed)
    closed.close()  # type: ignore[attr-defined]
    going.final_came()
    going.final_went()
    going.piece_came()
    assert list(going.by_turns(iter("a"), never)) == ["a"]


class Stepping:
    """A piece in a thread of its own. `steps` are those that it has begun."""

    def __init__(self, going: Precedence, more: Callable[[int], object] = lambda step: None) -> None:
        self.steps: list[int] = []
        self._going = going
        self._more = more
        going.piece_came()
        self.thread = threading.Thread(target=lambda: list(going.by_turns(self._made(), never)))
        self.thread.start()

    def _made(self) -> Iterator[int]:
        for step in range(3):
            self.steps.append(step)
            self._more(step)
            yield step


def test_a_piece_waits_while_captions_are_in_hand() -> None:
    going = Precedence(1)
    going.glimpse_came()
    piece = Stepping(going)
    piece.thread.join(0.1)
    assert piece.steps == []
    going.glimpse_went()
    piece.thread.join(5)
    assert piece.steps == [0, 1, 2]


def test_beside_captions_as_many_pieces_work_as_there_are_slots_left() -> None:
    going = Precedence(2)
    going.glimpse_came()
    goes_on = threading.Event()
    pieces = [Stepping(going, lambda step: goes_on.wait(5)) for _ in range(2)]
    until_now(lambda: any(piece.steps for piece in pieces))
    pieces[0].thread.join(0.1)
    assert sorted(piece.steps for piece in pieces) == [[], [0]]
    goes_on.set()
    for piece in pieces:
        piece.thread.join(5)
        assert piece.steps == [0, 1, 2]


def test_a_piece_goes_on_now_and_then_although_captions_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "YIELD_S", 0.05)
    going = Precedence(1)
    going.glimpse_came()
    piece = Stepping(going)
    piece.thread.join(5)
    assert piece.steps == [0, 1, 2]
