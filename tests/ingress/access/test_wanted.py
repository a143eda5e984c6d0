from __future__ import annotations

import pytest

from ingress.access.wanted import LONGEST_S, USUAL_S, Wanted, read
from wire.errors import ClientError


def test_what_is_usual() -> None:
    assert read(b"") == read(b"{}") == Wanted(USUAL_S)
    assert read(b'{"seconds": 60, "room": "K7MQ3RTX"}') == Wanted(60, "K7MQ3RTX")


@pytest.mark.parametrize(
    "body", [b"x", b"[]", b'{"seconds": 59}', b'{"seconds": 1e9}', b'{"ttl": 60}', b'{"room": 1}', b"\xff", b"[" * 5000]
)
def test_what_cannot_be(body: bytes) -> None:
    with pytest.raises(ClientError, match="seconds"):
        read(body)


def test_a_day_at_most() -> None:
    assert read(b'{"seconds": %d}' % LONGEST_S).seconds == LONGEST_S


def test_a_token_is_for_a_room_or_an_operators() -> None:
    assert read(b'{"admin": true}').admin
    with pytest.raises(ClientError, match="not both"):
        read(b'{"admin": true, "room": "K7MQ3RTX"}')
