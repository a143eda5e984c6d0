"""One member's place in a room, as its connection sees it.

The connection gives frames a way out (`tell`); the room tells it through them who is there and what the others say,
and asks of a speaker what its words are to be put into (`ask`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from ingress.demand import Demand
from ingress.outbox import Frame
from ingress.seats import check_update
from ingress.wishes import Wishes
from wire.protocol import Seat, SeatRequest
from wire.rooms import Member

if TYPE_CHECKING:
    from ingress.room import Room

GONE = (1000, 1001)
"""Close codes of a client that leaves: it says so, or its page is closed."""


def member_of(secret: str) -> str:
    """The id by which others know the owner of a session or of a listener's token."""
    return "m" + hashlib.sha256(secret.encode()).hexdigest()[:12]


class Attendance:
    """`token`: a listener's. Nothing happens before `enter`."""

    def __init__(self, room: Room, seat: Seat, *, session: str = "", source: str = "auto", token: str = "") -> None:
        self.room = room
        self.have = seat.have
        self.token = token
        self.member = Member(
            member=member_of(session or token), name=seat.name, language=seat.language, speech=seat.speech,
            captions=seat.captions, session=session, source=source, since=round(time.time(), 3),
        )  # fmt: skip
        self.tell: Callable[[Frame], None] = lambda frame: None
        self.ask: Callable[[Demand], None] = lambda demand: None
        self.displaced: Callable[[], None] = lambda: None
        self.entered_at = 0.0  # seconds since the epoch

    def enter(
        self, tell: Callable[[Frame], None], displaced: Callable[[], None], ask: Callable[[Demand], None] | None = None
    ) -> None:
        """Once. `displaced` is called when the same member comes in anew."""
        if self.entered_at:
            return
        self.entered_at = round(time.time(), 3)
        self.tell, self.displaced, self.ask = tell, displaced, ask or self.ask
        self.room.enter(self)

    def leave(self) -> None:
        """For good."""
        if self.entered_at:
            self.room.leave(self)

    def part(self, close_code: int | None, *, closed: bool = False) -> None:
        """The connection ended. Where neither side meant it to, the member may be back in a moment."""
        if closed or close_code in GONE:
            self.leave()
        elif self.entered_at:
            self.room.lose(self)

    def text(self, speaker: str, utterance: int, target: str) -> str:
        """What is said in this piece of another's speech, as far as it is known."""
        return self.room.text(speaker, utterance, target)

    def update(self, request: SeatRequest) -> None:
        """Raises ProtocolViolation, LanguageUnsupported."""
        check_update(request)
        named = {name: getattr(request, name) for name in request.__struct_fields__}
        fields = {name: value for name, value in named.items() if value is not None}
        self.room.change(self, msgspec.structs.replace(self.member, **fields))

    def speaks(self, source: str) -> None:
        self.room.change(self, msgspec.structs.replace(self.member, source=source))

    def demand(self) -> Demand:
        """What this speaker's words are to be put into now."""
        return self.room.demand(self.member)


def put_into(wishes: Wishes, demand: Demand) -> Wishes:
    """What the others want, in place of what the speaker's session asks for now."""
    options = msgspec.structs.replace(wishes.options, spoken=demand.spoken, live=demand.live, captions=demand.captions)
    return msgspec.structs.replace(wishes, targets=demand.targets, speech=bool(demand.spoken), options=options)
