"""One room, as far as its members are at this ingress.

`local` are the members here; `parties` are those of other ingresses, as they say it themselves. Together, they are who
is there. Each speaker is read once, by a `Reading`, for all members here. One task, `run`, looks after all that takes
time: it tells the other ingresses that this party is there, begins and ends readings, and reads what was lost. All else
happens at once, when a member comes, changes or goes, or a word about another party comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import msgspec

from ingress import browser
from ingress.attendance import Attendance
from ingress.demand import Demand, wanted
from ingress.feed import Feed
from ingress.outbox import Frame
from ingress.reading import Reading
from ingress.signal import Signal
from ingress.telling import Audience
from wire import subjects
from wire.bus import Bus
from wire.errors import NatsUnavailable, Stale
from wire.kv import Bucket
from wire.log import get
from wire.protocol import MemberTold, RoomJoined, RoomMembers
from wire.rooms import MAX_PAST, Member, PartyRecord, PastSpeaker, RoomRecord
from wire.topology import PARTY_RENEW_S, PARTY_TTL_S

log = get(__name__)

AWAY_S = 15.0
"""A member whose connection broke keeps its place for so long."""
UNUSED_S = 30.0
"""A room that was looked up and that nobody has entered since is let go."""
LINGER_S = 90.0
"""What a speaker said last may come so long after they left."""
REGISTER_S = 3600.0
PATIENCE_S = 2.0
NUMBERS = 255


class Room:
    """`party` names this ingress among those that have members of the room. `serves(source, target)`: somebody can
    translate that."""

    def __init__(
        self, bus: Bus, feed: Feed, record: RoomRecord, party: str, serves: Callable[[str, str], bool]
    ) -> None:
        self.code, self.tenant = record.code, record.tenant
        self.local: dict[str, Attendance] = {}
        self._bus = bus
        self._feed = feed
        self._party = party
        self._serves = serves
        self._rooms = Bucket(bus, subjects.ROOMS_KV, RoomRecord)
        self._parties_kv = Bucket(bus, subjects.PARTIES_KV, PartyRecord)
        self._away: dict[str, tuple[Member, float]] = {}
        self._parties: dict[str, tuple[list[Member], float]] = {}
        self._past = {each.member: each for each in record.speakers}
        self._registered: dict[str, float] = {}
        self._readings: dict[str, Reading] = {}
        self._numbers: dict[str, int] = {}
        self._told: Frame = ""
        self._unsaid = False
        self._say_at = 0.0
        self._stir = Signal()
        self.hold()

    # --- who is there ---

    def members(self) -> dict[str, Member]:
        """By id, in the order in which they came. Of somebody who is there twice, whoever is not away, and is newer."""
        here = [each.member for each in self.local.values()]
        away = [member for member, _ in self._away.values()]
        there = [member for party, _ in self._parties.values() for member in party]
        everybody = sorted([*here, *away, *there], key=lambda each: (each.away, -each.since))
        found = {each.member: each for each in reversed(everybody)}
        return dict(sorted(found.items(), key=lambda each: (each[1].since, each[0])))

    def demand(self, speaker: Member) -> Demand:
        return wanted(speaker, self.members().values(), self._serves)

    def text(self, speaker: str, utterance: int, target: str) -> str:
        """What is said in this piece of speech, as far as it is known."""
        reading = self._readings.get(speaker)
        return reading.text(utterance, target) if reading is not None else ""

    def enter(self, who: Attendance) -> None:
        name = who.member.member
        if (older := self.local.get(name)) is not None:
            older.displaced()
        self.local[name] = who
        self._away.pop(name, None)
        who.tell(browser.write_event(RoomJoined(room=self.code, member=name, at=who.entered_at, token=who.token)))
        self._changed()
        who.tell(self._told)
        for reading in self._readings.values():
            if reading.begun:
                self._catch_up(who, reading)

    def leave(self, who: Attendance) -> None:
        if self.local.get(who.member.member) is who:
            del self.local[who.member.member]
            self._changed()

    def lose(self, who: Attendance) -> None:
        name = who.member.member
        if self.local.get(name) is who:
            del self.local[name]
            gone = msgspec.structs.replace(who.member, away=True)
            self._away[name] = (gone, time.monotonic() + AWAY_S)
            self._changed()

    def change(self, who: Attendance, member: Member) -> None:
        """A member's name, languages or wishes."""
        reads_another = member.language != who.member.language
        who.member = member
        if self.local.get(member.member) is who:
            self._changed()
            if reads_another:
                for reading in self._readings.values():
                    self._catch_up(who, reading)

    def heard_of(self, party: str, record: PartyRecord | None) -> None:
        """What another ingress says of its members; None: they are gone."""
        if party == self._party:
            return
        if record is None:
            self._parties.pop(party, None)
        else:
            self._parties[party] = (record.members, time.monotonic())
        self._changed(ours=False)

    def _changed(self, *, ours: bool = True) -> None:
        """Ask the speakers here for what is wanted now, and tell everybody here who is there."""
        for who in self.local.values():
            if who.member.session:
                demand = self.demand(who.member)
                if demand.targets != who.member.targets:
                    who.member = msgspec.structs.replace(who.member, targets=demand.targets)
                    ours = True
                who.ask(demand)
        told = browser.write_event(RoomMembers(members=list(self._members_told())))
        if told != self._told:
            self._told = told
            for who in self.local.values():
                who.tell(told)
        self._unsaid |= ours
        self._stir.set()

    def _members_told(self) -> Iterator[MemberTold]:
        there = self.members()
        for each in there.values():
            yield MemberTold(
                member=each.member, name=each.name, language=each.language,
                number=self._number(each.member) if each.session else 0,
                source=each.source, targets=each.targets, state="away" if each.away else "here",
            )  # fmt: skip
        for name, reading in self._readings.items():
            if name not in there and (past := self._past.get(name)) is not None:
                yield MemberTold(
                    member=name, name=past.name, language=past.language, number=reading.number, source="auto",
                    targets=[], state="left",
                )  # fmt: skip

    def _number(self, member: str) -> int:
        if member not in self._numbers:
            used = set(self._numbers.values())
            last = next(reversed(self._numbers.values()), 0)
            free = ((last + step) % NUMBERS + 1 for step in range(NUMBERS))
            self._numbers[member] = next((each for each in free if each not in used), NUMBERS)
        return self._numbers[member]

    # --- what is said ---

    def _said(self, speaker: str, audience: Audience, frame: Frame) -> None:
        """The same frame to each of them."""
        for name, who in self.local.items():
            if name != speaker and audience.includes(who.member):
                who.tell(frame)

    def _catch_up(self, who: Attendance, reading: Reading) -> None:
        if reading.speaker != who.member.member:
            for frame in reading.replay.since(who.have.get(reading.speaker), who.member):
                who.tell(frame)

    # --- what takes time ---

    def hold(self) -> None:
        """Somebody is about to come in."""
        self._until = time.monotonic() + UNUSED_S

    @property
    def in_use(self) -> bool:
        return bool(self.local or self._away) or time.monotonic() < self._until

    async def run(self) -> None:
        """Until it is not in use any more."""
        while self.in_use:
            now = time.monotonic()
            await self._stir.wait_for(max(0.0, self._due() - now))
            now = time.monotonic()
            try:
                await self._forget(now)
                await self._say(now)
                await self._read(now)
            except NatsUnavailable as error:
                log.info("a room waits for NATS", room_members=len(self.local), error=str(error))
        for reading in self._readings.values():
            reading.end(self._feed)

    async def farewell(self) -> None:
        """Nobody is here any more: say so. Raises NatsUnavailable."""
        await self._parties_kv.delete(subjects.party_key(self.code, self._party))

    def _due(self) -> float:
        away = [until for _, until in self._away.values()]
        readings = [reading.due for reading in self._readings.values()]
        return min([0.0 if self._unsaid else self._say_at, *away, *readings])

    async def _forget(self, now: float) -> None:
        """Members that were away for too long, and parties that say nothing any more."""
        late = [name for name, (_, until) in self._away.items() if until <= now]
        for name in late:
            del self._away[name]
        silent = [party for party, (_, heard) in self._parties.items() if heard + PARTY_TTL_S <= now]
        for party in silent if self._bus.connected else []:
            record = await self._parties_kv.get(subjects.party_key(self.code, party))
            if record is None:
                del self._parties[party]
                late.append(party)
            else:
                self._parties[party] = (record.members, now)
        if late:
            self._changed()

    async def _say(self, now: float) -> None:
        """Tell the other ingresses who is here; and that the room is in use, and by which speakers."""
        if self._unsaid or now >= self._say_at:
            self._changed(ours=False)  # what the fleet can translate may have changed
            self._unsaid = False
            self._say_at = now + PARTY_RENEW_S
            members = [each.member for each in self.local.values()] + [member for member, _ in self._away.values()]
            try:
                await self._parties_kv.put(
                    subjects.party_key(self.code, self._party), PartyRecord(members=members), patience=PATIENCE_S
                )
            except NatsUnavailable:
                self._unsaid = True
                raise
        new = [
            each.member
            for each in self.local.values()
            if each.member.session and now - self._registered.get(each.member.member, -REGISTER_S) >= REGISTER_S
        ]
        if new:
            await self._register(new)
            self._registered |= {each.member: now for each in new}

    async def _register(self, speakers: list[Member]) -> None:
        """Their words are to be read by those who join late."""
        while True:
            found = await self._rooms.entry(self.code)
            record, revision = found if found is not None else (RoomRecord(code=self.code, tenant=self.tenant), 0)
            names = {each.member for each in speakers}
            kept = [each for each in record.speakers if each.member not in names]
            kept += [PastSpeaker(each.member, each.session, each.name, each.language) for each in speakers]
            try:
                renewed = RoomRecord(code=self.code, tenant=self.tenant, speakers=kept[-MAX_PAST:])
                await self._rooms.renew(self.code, renewed, revision)
                return
            except Stale:
                continue

    async def _read(self, now: float) -> None:
        """Begin with speakers who came, end with those who left, and read what was lost."""
        for member in self.members().values():
            if member.session:
                self._past[member.member] = PastSpeaker(member.member, member.session, member.name, member.language)
        for past in list(self._past.values()):
            if past.member not in self._readings and any(name != past.member for name in self.local):
                await self._begin(past)
        there = self.members()
        for name, reading in list(self._readings.items()):
            reading.left_at = None if name in there else reading.left_at or now
            if reading.left_at is not None and (reading.over or now - reading.left_at > LINGER_S):
                reading.end(self._feed)
                if not reading.replay.prune(time.time()):
                    self._drop(name)
            elif reading.due <= now:
                await reading.keep(now)

    async def _begin(self, past: PastSpeaker) -> None:
        reading = Reading(self._bus, past.session, past.member, self._number(past.member), self._said)
        known = [who.have[past.member] for who in self.local.values() if past.member in who.have]
        since = min(who.entered_at for who in self.local.values())
        await reading.begin(self._feed, min(known, default=None), since, self._stir.set)
        self._readings[past.member] = reading
        if reading.over and not reading.replay.prune(time.time()):
            self._drop(past.member)
            return
        self._changed(ours=False)
        for who in self.local.values():
            self._catch_up(who, reading)

    def _drop(self, speaker: str) -> None:
        for each in (self._readings, self._past, self._numbers):
            each.pop(speaker, None)
        self._changed(ours=False)
