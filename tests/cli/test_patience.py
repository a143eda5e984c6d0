from __future__ import annotations

import pytest

from cli.patience import FOR_S, Patience
from wire.errors import ClientError, Unavailable


def test_pauses_grow_up_to_a_limit_and_begin_anew_after_success() -> None:
    patience = Patience()
    assert [patience.pause(Unavailable("x"), 0.0) for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    patience.succeeded()
    assert patience.pause(Unavailable("x"), 1000.0) == 0.5


def test_it_ends_where_waiting_is_of_no_use_or_was_long_enough() -> None:
    with pytest.raises(ClientError):
        Patience().pause(ClientError("x"), 0.0)
    patience = Patience()
    patience.pause(Unavailable("x"), 10.0)
    patience.pause(Unavailable("x"), 10.0 + FOR_S - 1)
    with pytest.raises(Unavailable):
        patience.pause(Unavailable("x"), 10.0 + FOR_S)


def test_a_server_that_says_when_to_come_back_is_believed() -> None:
    assert Patience().pause(Unavailable("x"), 0.0, retry_after=30.0) == 30.0
    assert Patience().pause(Unavailable("x"), 0.0, retry_after=0.0) == 0.5
    with pytest.raises(Unavailable):
        Patience().pause(Unavailable("x"), 0.0, retry_after=FOR_S + 1)
