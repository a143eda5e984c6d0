from __future__ import annotations

import re

import pytest

from wire import errors
from wire.errors import DragomanError, NatsUnavailable, Stale, each_of, first_of


def tree(kind: type[DragomanError]) -> list[type[DragomanError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in tree(child))]


ALL = [kind for kind in tree(DragomanError) if kind.__module__ == "wire.errors"]


def test_the_picture_shows_every_class_under_its_base() -> None:
    drawn: dict[str, str] = {}
    bases = ["DragomanError"]
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ((?:[|`] ?  ?|    )*)(?:[|`]-- )?([A-Z]\w+)", line):
            depth = line.index(found[2]) // 4 - 1
            bases[depth:] = [found[2]]
            drawn[found[2]] = bases[depth - 1] if depth else "Exception"
    assert drawn == {kind.__name__: kind.__mro__[1].__name__ for kind in ALL}


def test_codes_are_unlike_one_another() -> None:
    codes = [kind.code for kind in ALL]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_an_error_has_a_message_a_code_and_says_whether_to_try_again(kind: type[DragomanError]) -> None:
    assert str(kind("what was wrong")) == "what was wrong"
    assert kind("m").retryable is kind.retryable
    special = kind("m", code="special", retryable=not kind.retryable)
    assert (special.code, special.retryable) == ("special", not kind.retryable)
    assert kind.code != "special"


def test_of_a_group_ours_comes_first_however_deep_it_is() -> None:
    lost = NatsUnavailable("gone")
    group = BaseExceptionGroup("a", [KeyError(1), BaseExceptionGroup("b", [lost, Stale("late")])])
    assert [type(each) for each in each_of(group)] == [KeyError, NatsUnavailable, Stale]
    assert first_of(group) is lost
    assert isinstance(first_of(BaseExceptionGroup("a", [KeyError(1), ValueError()])), KeyError)
    assert list(each_of(lost)) == [lost]
