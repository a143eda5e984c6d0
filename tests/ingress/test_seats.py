"""Seats are refused over the WebSocket in test_rooms; here is what a session in a room may not ask for."""

from __future__ import annotations

import pytest

from ingress.seats import check_in_room, check_seat, check_update
from wire.errors import LanguageUnsupported, ProtocolViolation
from wire.protocol import Seat, SeatRequest, StartRequest, UpdateRequest

SEAT = Seat(code="k7mq-3rtx", name="Anna", language="fr")


def test_a_seat_and_a_session_in_it() -> None:
    check_seat(SEAT)
    check_in_room(StartRequest(room=SEAT, speech=False))
    check_in_room(StartRequest(targets=["en"], speech=["en"]))
    check_in_room(UpdateRequest(source="de", captions=False))


@pytest.mark.parametrize("speech", [True, False, ["en"]])
def test_who_hears_is_for_the_others_to_say(speech: bool | list[str]) -> None:
    with pytest.raises(ProtocolViolation, match="speech"):
        check_in_room(UpdateRequest(speech=speech))


def test_a_change_is_checked_like_a_seat() -> None:
    check_update(SeatRequest(speech=False))
    with pytest.raises(ProtocolViolation, match="characters"):
        check_update(SeatRequest(name=""))
    with pytest.raises(LanguageUnsupported):
        check_update(SeatRequest(language="english"))
