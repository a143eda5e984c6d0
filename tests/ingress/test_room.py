"""One room at one ingress, with members that keep what they are told: each speaker is read once, each frame is made
once, whoever listens."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ingress import browser, room
from ingress.attendance import Attendance, member_of
from ingress.demand import Demand
from ingress.feed import Feed
from ingress.outbox import Frame
from ingress.reading import Reading
from ingress.room import Room
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.jobs import SpeechChunk
from wire.kv import Bucket
from wire.protocol import (
    ClientEvent,
    Seat,
    SessionClosed,
    SpeechBegan,
    SpeechFinished,
    TranscriptFinal,
    TranslationFinal,
)
from wire.rooms import Member, PartyRecord, RoomRecord

CODE = "K7MQ3RTX"
SPEAKER = "s1"


class Somebody:
    """A member here: what it was told, and what it was asked for."""

    def __init__(self, room: Room, name: str, language: str, session: str = "", **fields: Any) -> None:
        seat = Seat(code=CODE, name=name, language=language, **fields)
        self.at = Attendance(room, seat, session=session, source=language if session else "auto", token=name)
        self.frames: list[Frame] = []
        self.asked: list[Demand] = []
        self.displaced = 0
        self.at.enter(self.frames.append, self._displaced, self.asked.append)

    def _displaced(self) -> None:
        self.displaced += 1

    def told(self, kind: str) -> list[Frame]:
        return [each for each in self.frames if isinstance(each, str) and f'"type":"{kind}"' in each]


class House:
    """A room that runs, and its speaker's words."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.feed = Feed(bus)
        self.room = Room(bus, self.feed, RoomRecord(code=CODE), "here", lambda source, target: True)
        self.n = 0

    async def tell(self, *events: ClientEvent) -> None:
        for event in events:
            self.n += 1
            numbered = type(event)(**{name: getattr(event, name) for name in event.__struct_fields__} | {"n": self.n})
            await self.bus.store(subjects.event(SPEAKER), numbered, id=subjects.event_message_id(SPEAKER, self.n))

    async def say(self, utterance: int, *targets: str) -> None:
        await self.tell(TranscriptFinal(utterance=utterance, text="x", language="fr", start=0, end=1))
        for target in targets:
            await self.tell(TranslationFinal(utterance=utterance, target=target, text="x"))
        for target in targets:
            chunk = SpeechChunk(job="j", attempt=1, sequence=0, sample_rate=22_050, pcm=bytes(2000))
            subject = subjects.speech(SPEAKER, utterance, target)
            await self.bus.store(subject, chunk, id=f"{utterance}.{target}")
            await self.tell(
                SpeechBegan(utterance=utterance, target=target, sample_rate=22_050),
                SpeechFinished(utterance=utterance, target=target, seconds=0.1, chunks=1),
            )


@pytest.fixture
async def house(bus: Bus) -> AsyncIterator[House]:
    made = House(bus)
    await made.feed.start()
    await Bucket(bus, subjects.ROOMS_KV, RoomRecord).put(CODE, RoomRecord(code=CODE))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(made.room.run())
        yield made
        running.cancel()


async def soon(condition: Callable[[], Any]) -> None:
    async def holds() -> bool:
        return bool(condition())

    await until(holds)


async def test_each_speaker_is_read_once_and_each_frame_is_made_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Counter[str] = Counter()
    read: list[str] = []

    def counted(name: str) -> None:
        make = getattr(browser, name)

        def count(*given: Any) -> Any:
            made[name] += 1
            return make(*given)

        monkeypatch.setattr(browser, name, count)

    begin = Reading.begin

    async def noted(reading: Reading, *given: Any) -> None:
        read.append(reading.session)
        await begin(reading, *given)

    monkeypatch.setattr(Reading, "begin", noted)
    Somebody(house.room, "Anna", "fr", SPEAKER)
    listeners = [Somebody(house.room, f"L{number}", ("en", "de")[number % 2]) for number in range(20)]
    await soon(lambda: SPEAKER in house.feed.readings)
    counted("write_event")
    counted("write_speech")
    await house.say(1, "de", "en")
    await soon(lambda: all('"speech.ended"' in str(each.frames[-1]) for each in listeners))
    assert read == [SPEAKER]
    assert made == {"write_event": 7, "write_speech": 2}, "a transcript, and for each of two targets three events"
    for language in range(2):
        frames = [each.frames[-5:] for each in listeners[language::2]]
        assert all(one is other for each in frames for one, other in zip(each, frames[0], strict=True))


async def test_a_speaker_is_asked_for_what_the_others_want(house: House) -> None:
    anna = Somebody(house.room, "Anna", "fr", SPEAKER)
    bob = Somebody(house.room, "Bob", "en", speech=False)
    assert anna.asked[-1] == Demand(["en"], [], ["en"], True)
    house.room.heard_of("there", PartyRecord(members=[Member(member="m1", name="Emil", language="de")]))
    assert anna.asked[-1] == Demand(["de", "en"], ["de"], ["de", "en"], True)
    house.room.heard_of("there", None)
    bob.at.leave()
    assert anna.asked[-1] == Demand([], [], [], True)


async def test_a_party_is_said_and_renewed_and_one_that_is_silent_is_forgotten(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PARTY_RENEW_S", 0.1)
    monkeypatch.setattr(room, "PARTY_TTL_S", 0.3)
    house.room.heard_of("there", PartyRecord(members=[Member(member="m1", name="Emil", language="de")]))
    anna = Somebody(house.room, "Anna", "fr", SPEAKER)
    assert "Emil" in str(anna.told("room.members")[-1])
    await soon(lambda: "Emil" not in str(anna.told("room.members")[-1]))
    parties = Bucket(house.bus, subjects.PARTIES_KV, PartyRecord)

    async def revision() -> int:
        found = await parties.entry(subjects.party_key(CODE, "here"))
        return found[1] if found else 0

    first = await revision()
    assert first > 0

    async def renewed() -> bool:
        return await revision() > first

    await until(renewed)


async def test_who_speaks_is_remembered_for_those_who_come_late(house: House) -> None:
    Somebody(house.room, "Anna", "fr", SPEAKER)
    rooms = Bucket(house.bus, subjects.ROOMS_KV, RoomRecord)

    async def registered() -> bool:
        record = await rooms.get(CODE)
        return record is not None and [each.session for each in record.speakers] == [SPEAKER]

    await until(registered)


async def test_the_same_member_twice_is_one(house: House) -> None:
    first, second = (Somebody(house.room, "Anna", "fr", SPEAKER) for _ in range(2))
    assert (first.displaced, second.displaced) == (1, 0)
    first.at.leave()
    elsewhere = Member(member=member_of(SPEAKER), name="Anna", language="fr", session=SPEAKER, away=True, since=2e9)
    house.room.heard_of("there", PartyRecord(members=[elsewhere]))
    assert [each.away for each in house.room.members().values()] == [False]


async def test_what_a_speaker_says_last_is_still_told(house: House) -> None:
    anna, bob = Somebody(house.room, "Anna", "fr", SPEAKER), Somebody(house.room, "Bob", "en")
    await soon(lambda: SPEAKER in house.feed.readings)
    anna.at.leave()
    await house.say(1)
    await soon(lambda: bob.told("transcript.final"))
    assert '"left"' in str(bob.told("room.members")[-1])
    await house.tell(SessionClosed(reason="client", utterances=1))
    await soon(lambda: SPEAKER not in house.feed.readings)


async def test_who_reads_another_language_now_reads_it_from_the_beginning(house: House) -> None:
    Somebody(house.room, "Anna", "fr", SPEAKER)
    bob = Somebody(house.room, "Bob", "en")
    await soon(lambda: SPEAKER in house.feed.readings)
    await house.say(1, "de", "en")
    await soon(lambda: bob.told("speech.ended"))
    house.room.change(bob.at, Member(member=bob.at.member.member, name="Bob", language="de"))
    assert '"target":"de"' in str(bob.frames[-1])


async def test_a_room_ends_when_nobody_is_there(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "UNUSED_S", 0.0)
    monkeypatch.setattr(room, "AWAY_S", 0.1)
    house = House(bus)
    anna, bob = Somebody(house.room, "Anna", "fr", SPEAKER), Somebody(house.room, "Bob", "en")
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(house.room.run())
        await soon(lambda: SPEAKER in house.feed.readings)
        anna.at.part(1006)
        bob.at.part(1001)
        await running
        await house.room.farewell()
    assert house.feed.readings == {}

    assert await Bucket(bus, subjects.PARTIES_KV, PartyRecord).items(f"{CODE}.*") == {}
