"""The rooms that have members at this ingress, and the way into them.

Anybody of its tenant who knows a room's code may come in, and anybody with an invite. Whether there is such a room, and
who is in it elsewhere, is asked when the first member comes here; from then on a watch on the bucket `parties` brings
what changes. Limits are looked at when somebody comes: two who come to different ingresses in the same moment may both
get the last place.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from ingress.access.caller import Caller
from ingress.attendance import Attendance, member_of
from ingress.feed import Feed
from ingress.room import Room
from wire import subjects
from wire.bus import Bus
from wire.env import IngressSettings
from wire.errors import ClientError, NatsUnavailable, Unavailable
from wire.kv import Bucket
from wire.log import get
from wire.protocol import Seat
from wire.rooms import ALPHABET, CODE_LENGTH, MAX_LANGUAGES, PartyRecord, RoomRecord, code_of

log = get(__name__)

TOKEN_BYTES = 18
UNKNOWN = "there is no room with this code (any more)"


class RoomUnknown(ClientError):
    code = "room_unknown"


class RoomFull(Unavailable):
    code = "room_full"


class TooManyRooms(Unavailable):
    code = "too_many_rooms"


class Rooms:
    """`run` it once. `serves(source, target)`: somebody can translate that."""

    def __init__(
        self, settings: IngressSettings, bus: Bus, feed: Feed, ingress: str, serves: Callable[[str, str], bool]
    ) -> None:
        self.open: dict[str, Room] = {}
        self._settings = settings
        self._bus = bus
        self._feed = feed
        self._party = ingress
        self._serves = serves
        self._records = Bucket(bus, subjects.ROOMS_KV, RoomRecord)
        self._parties = Bucket(bus, subjects.PARTIES_KV, PartyRecord)
        self._new: asyncio.Queue[Room] = asyncio.Queue()

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._parties.follow(self._heard))
            while True:
                room = await self._new.get()
                group.create_task(self._host(room))

    async def create(self, tenant: str) -> str:
        """A new room's code. Raises NatsUnavailable, QueueFull."""
        while True:
            code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
            if await self._records.create(code, RoomRecord(code=code, tenant=tenant)) is not None:
                return code

    async def check(self, text: str, caller: Caller) -> str:
        """The code of a room that this caller may enter, in its one spelling. Raises RoomUnknown, NatsUnavailable."""
        code = code_of(text) or ""
        room = self.open.get(code)
        record = await self._records.get(code) if code and room is None else None
        tenant = room.tenant if room is not None else record.tenant if record is not None else None
        if tenant != caller.tenant or caller.room not in ("", code):
            raise RoomUnknown(UNKNOWN)
        return code

    async def seat(
        self, seat: Seat, caller: Caller, *, session: str = "", source: str = "auto", token: str = ""
    ) -> Attendance:
        """A place for a speaker with a session or, without one, a listener. It is taken with `Attendance.enter`.

        Raises RoomUnknown (it may be another tenant's), RoomFull, TooManyRooms, NatsUnavailable.
        """
        room = await self._find(await self.check(seat.code, caller))
        token = "" if session else token or secrets.token_urlsafe(TOKEN_BYTES)
        others = [each for name, each in room.members().items() if name != member_of(session or token)]
        if len(others) >= self._settings.max_room_members:
            raise RoomFull(f"the room has {len(others)} members, and that is as many as it takes")
        if len({seat.language, *(each.language for each in others)}) > MAX_LANGUAGES:
            raise RoomFull(f"{MAX_LANGUAGES} languages are read in this room, and that is as many as it takes")
        return Attendance(room, seat, session=session, source=source, token=token)

    async def _find(self, code: str) -> Room:
        if (room := self.open.get(code)) is not None:
            room.hold()
            return room
        record = await self._records.get(code) if code else None
        if record is None:
            raise RoomUnknown(UNKNOWN)
        parties = await self._parties.items(f"{code}.*")
        if code in self.open:  # somebody else came meanwhile
            return await self._find(code)
        if len(self.open) >= self._settings.max_rooms:
            raise TooManyRooms("this server has as many rooms as it takes: try again, or another")
        room = self.open[code] = Room(self._bus, self._feed, record, self._party, self._serves)
        for key, party in parties.items():
            self._heard(key, party)
        self._new.put_nowait(room)
        return room

    def _heard(self, key: str, record: PartyRecord | None) -> None:
        code, _, party = key.partition(".")
        if (room := self.open.get(code)) is not None:
            room.heard_of(party, record)

    async def _host(self, room: Room) -> None:
        """Until it is not in use; who comes in the last moment finds it open."""
        while room.in_use:
            await room.run()
            try:
                await room.farewell()
            except NatsUnavailable:
                log.info("a room could not say that it is empty: its members go by themselves")
        del self.open[room.code]
