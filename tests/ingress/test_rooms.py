"""Rooms as clients meet them: over the WebSocket, at one ingress and at two."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from ingress import room
from ingress.listener import MAX_WRONG
from tests.ingress.client import Client, Event, connected, ingress, ready
from tests.ingress.stand_in import Actor
from tests.nats_server import NatsServer
from tests.waiting import beats
from wire import subjects
from wire.messages import LanguagesChanged, SessionOpened
from wire.protocol import TranscriptFinal, TranscriptPartial, TranslationFinal
from wire.rooms import code_of

PATIENCE_S = 15


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not come back is gone soon."""
    monkeypatch.setattr(room, "AWAY_S", 1.0)


async def new_room(url: str) -> str:
    async with aiohttp.ClientSession() as http, http.post(url + "/v1/rooms") as answer:
        assert answer.status == 201
        code: str = (await answer.json())["room"]
        return code


def seat(code: str, name: str, language: str, **fields: Any) -> Event:
    return {"code": code, "name": name, "language": language} | fields


@contextlib.asynccontextmanager
async def speaker(url: str, code: str, name: str, language: str, **fields: Any) -> AsyncIterator[Client]:
    """Speaks the language that they read."""
    async with connected(url) as client:
        fields = {"source": language, "room": seat(code, name, language)} | fields
        await client.start(**fields)
        await client.until("room.joined")
        yield client


@contextlib.asynccontextmanager
async def listener(url: str, code: str, name: str, language: str, **fields: Any) -> AsyncIterator[Client]:
    async with connected(url) as client:
        await client.say("room.join", room=seat(code, name, language, **fields))
        await client.until("room.joined")
        yield client


def session_of(client: Client) -> str:
    return str(next(each["session"] for each in client.events if each["type"] == "session.started"))


def member(client: Client) -> str:
    return str(next(each["member"] for each in client.events if each["type"] == "room.joined"))


def there(client: Client) -> dict[str, str]:
    """Name -> state, as this client was told last."""
    told = [each for each in client.events if each["type"] == "room.members"][-1]
    return {each["name"]: each["state"] for each in told["members"]}


async def until_there(client: Client, **states: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not any(each["type"] == "room.members" for each in client.events) or there(client) != states:
            await client.more()


def said(client: Client) -> list[tuple[str, str, str]]:
    """(speaker, event, text or target) of what others said."""
    return [
        (each["speaker"], each["event"]["type"], each["event"].get("text") or each["event"].get("target", ""))
        for each in client.events
        if each["type"] == "room.said"
    ]


async def until_said(client: Client, type: str, **fields: object) -> Event:
    wanted = {"type": type, **fields}
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for each in client.events:
                if each["type"] == "room.said" and wanted.items() <= each["event"].items():
                    return each
            await client.more()


def final(text: str, language: str, utterance: int = 1) -> TranscriptFinal:
    return TranscriptFinal(utterance=utterance, text=text, language=language, start=0, end=1)


async def test_two_people_read_and_hear_each_other_in_their_own_languages(url: str, actor: Actor) -> None:
    code = await new_room(url)
    assert code == code_of(code.lower())
    async with speaker(url, code, "Anna", "fr") as anna, speaker(url, code.lower(), "Bob", "en") as bob:
        await until_there(anna, Anna="here", Bob="here")
        await until_there(bob, Anna="here", Bob="here")
        of_anna = session_of(anna)
        await actor.tell(of_anna, final("Bonjour.", "fr"))
        await actor.tell(of_anna, TranslationFinal(utterance=1, target="en", text="Hello."))
        await actor.speak(of_anna, 1, "en", [b"ab", b"cd"])
        await until_said(bob, "speech.ended")
        frames = [each for each in bob.events if each["type"] == "speech"]
        assert [each["pcm"] for each in frames] == [b"ab", b"cd"]
        told = next(each for each in bob.events if each["type"] == "room.members")["members"]
        assert {each["speaker"] for each in frames} == {told[0]["number"]} != {0}
        assert said(bob) == [
            (member(anna), "transcript.final", "Bonjour."),
            (member(anna), "translation.final", "Hello."),
            (member(anna), "speech.started", "en"),
            (member(anna), "speech.ended", "en"),
        ]
        assert await anna.until("transcript.final", text="Bonjour.")
        own = [each["type"] for each in anna.events]
        assert not {"room.said", "speech", "translation.final", "speech.started"} & set(own), "nobody hears themselves"


async def test_what_nobody_reads_is_not_computed(url: str, actor: Actor) -> None:
    """A speaker's session is asked for what the others read now, hear now, and follow live: no more."""
    code = await new_room(url)

    def asked(session: str) -> list[tuple[list[str], list[str] | None, list[str]]]:
        heard = actor.sessions[session]
        changed = [mail for mail in heard.mail if isinstance(mail, LanguagesChanged)]
        changes: list[SessionOpened | LanguagesChanged] = [heard.opened, *changed]
        return [(each.targets, each.options.spoken, each.options.live) for each in changes]

    async with speaker(url, code, "Anna", "fr") as anna:
        name = session_of(anna)
        assert asked(name) == [([], [], [])]
        async with listener(url, code, "Bob", "en") as bob:
            await actor.until(lambda: len(asked(name)) == 2)
            async with (
                listener(url, code, "Carl", "en", speech=False, captions=False),
                listener(url, code, "Dora", "fr"),
                listener(url, code, "Emil", "zh"),
            ):
                await until_there(anna, Anna="here", Bob="here", Carl="here", Dora="here", Emil="here")
                assert asked(name)[1:] == [(["en"], ["en"], ["en"])], "no second reader, no French, no Chinese"
                await bob.say("room.update", language="de", speech=False)
                await actor.until(lambda: len(asked(name)) == 3)
                assert asked(name)[2] == (["de", "en"], [], ["de"])
            await bob.say("session.close")
            await bob.closed()
        await actor.until(lambda: asked(name)[-1] == ([], [], []))


async def test_who_joins_late_reads_the_last_minutes_and_hears_nothing_of_them(url: str, actor: Actor) -> None:
    code = await new_room(url)
    async with speaker(url, code, "Anna", "fr") as anna:
        name = session_of(anna)
        await actor.tell(name, final("Bonjour.", "fr"))
        async with listener(url, code, "Bob", "en") as bob:
            await until_said(bob, "transcript.final", text="Bonjour.")
            await actor.tell(name, final("Encore.", "fr", 2))
            await actor.tell(name, TranslationFinal(utterance=2, target="en", text="Again."))
            await actor.speak(name, 2, "en", [b"ab"])
            await until_said(bob, "speech.ended")
            async with listener(url, code, "Carl", "en") as carl, listener(url, code, "Dora", "fr") as dora:
                for late, texts in ((carl, ["Bonjour.", "Encore.", "Again."]), (dora, ["Bonjour.", "Encore."])):
                    await until_said(late, "transcript.final", text="Encore.")
                    assert [each[2] for each in said(late)] == texts
                    joined = await late.until("room.joined")
                    assert all(each["at"] < joined["at"] for each in late.events if each["type"] == "room.said")
                assert not [each for each in carl.events if each["type"] == "speech"]
        await anna.say("session.close")
        await anna.closed()
    async with listener(url, code, "Emil", "fr") as emil:
        await until_said(emil, "transcript.final", text="Encore.")
        await until_there(emil, Anna="left", Emil="here")


async def test_who_comes_back_gets_what_it_missed_and_nothing_twice(url: str, actor: Actor) -> None:
    code = await new_room(url)
    async with speaker(url, code, "Anna", "fr") as anna, listener(url, code, "Bob", "en") as bob:
        name, joined = session_of(anna), await bob.until("room.joined")
        await actor.tell(name, final("Un.", "fr", 1))
        first = await until_said(bob, "transcript.final", text="Un.")
        bob.cut()
        await until_there(anna, Anna="here", Bob="away")
        await actor.tell(name, TranslationFinal(utterance=1, target="en", text="One."))
        await actor.speak(name, 1, "en", [b"ab"])
        async with connected(url) as again:
            have = {first["speaker"]: first["event"]["n"]}
            await again.say("room.join", room=seat(code, "Bob", "en", have=have), token=joined["token"])
            await until_said(again, "speech.ended")
            assert [each[1:] for each in said(again)] == [
                ("translation.final", "One."), ("speech.started", "en"), ("speech.ended", "en"),
            ]  # fmt: skip
            assert [each["pcm"] for each in again.events if each["type"] == "speech"] == [b"ab"]
            assert member(again) == joined["member"]
            await until_there(anna, Anna="here", Bob="here")


async def test_words_are_followed_as_they_come(url: str, actor: Actor) -> None:
    code = await new_room(url)
    async with (
        speaker(url, code, "Anna", "fr", source="auto") as anna,
        listener(url, code, "Bob", "fr") as bob,
        listener(url, code, "Carl", "en") as carl,
    ):
        await until_there(anna, Anna="here", Bob="here", Carl="here")
        name = session_of(anna)
        for utterance, text in ((1, "Bonjour"), (2, "Encore")):
            partial = TranscriptPartial(utterance=utterance, committed=text, tentative="")
            async for _ in beats(0.05):  # what is live may be lost, and the next says it again
                await actor.bus.publish(subjects.live(name), partial)
                if {"type": "room.speaking", "speaker": member(anna), "utterance": utterance} in carl.events:
                    break
            await actor.tell(name, final(text + ".", "fr", utterance))
            await until_said(carl, "transcript.final", utterance=utterance)
        await until_said(bob, "transcript.partial", committed="Encore")
        assert not [each for each in said(carl) if each[1] == "transcript.partial"]


async def test_members_of_one_room_are_at_two_ingresses(server: NatsServer, two: tuple[str, str], actor: Actor) -> None:
    one, other = two
    code = await new_room(one)
    async with speaker(one, code, "Anna", "fr") as anna, speaker(other, code, "Bob", "en") as bob:
        await until_there(anna, Anna="here", Bob="here")
        await until_there(bob, Anna="here", Bob="here")
        await actor.until(
            lambda: any(
                isinstance(mail, LanguagesChanged) and mail.targets == ["en"]
                for mail in actor.sessions[session_of(anna)].mail
            )
        )
        await actor.tell(session_of(anna), TranslationFinal(utterance=1, target="en", text="Hello."))
        await until_said(bob, "translation.final", text="Hello.")
        await bob.say("session.close")
        await until_there(anna, Anna="here", Bob="left")


async def test_a_speaker_comes_back_to_its_session_and_its_room_at_another_ingress(
    two: tuple[str, str], actor: Actor
) -> None:
    one, other = two
    code = await new_room(one)
    async with speaker(one, code, "Anna", "fr") as anna, speaker(one, code, "Bob", "en") as bob:
        name = session_of(anna)
        await actor.tell(session_of(bob), final("Hello.", "en"))
        first = await until_said(anna, "transcript.final", text="Hello.")
        started = await anna.until("session.started")
        anna.cut()
        await until_there(bob, Anna="away", Bob="here")
        await actor.tell(session_of(bob), final("Are you there?", "en", 2))
        async with connected(other) as again:
            have = {first["speaker"]: first["event"]["n"]}
            await again.resume(name, started["token"], actor.sessions[name].n, room=seat(code, "Anna", "fr", have=have))
            await until_said(again, "transcript.final", text="Are you there?")
            assert [each[2] for each in said(again)] == ["Are you there?"]
            await until_there(bob, Anna="here", Bob="here")
            assert member(again) == member(anna)


@pytest.mark.parametrize(
    ("fields", "close", "code"),
    [
        ({"code": "AAAA2222"}, 4404, "room_unknown"),
        ({"code": "nonsense!"}, 4400, "bad_start"),
        ({"name": " "}, 4400, "bad_start"),
        ({"name": "x" * 41}, 4400, "bad_start"),
        ({"name": "a\nb"}, 4400, "bad_start"),
        ({"language": "French"}, 4400, "language_unsupported"),
        ({"have": {"m1": -1}}, 4400, "bad_start"),
    ],
)
async def test_what_cannot_be_joined_is_refused(url: str, fields: Event, close: int, code: str) -> None:
    wanted = seat(await new_room(url), "Anna", "fr") | fields
    async with connected(url) as client:
        await client.say("room.join", room=wanted)
        assert await client.closed() == close
        assert client.codes() == [code]


@pytest.mark.parametrize("fields", [{"targets": ["en"]}, {"speech": ["en"]}, {"between": ["fr", "en"]}])
async def test_what_the_others_decide_cannot_be_asked_for(url: str, fields: Event) -> None:
    code = await new_room(url)
    async with connected(url) as client:
        await client.say("session.start", room=seat(code, "Anna", "fr"), **fields)
        assert await client.closed() == 4400
        assert client.codes() == ["bad_start"]


async def test_rooms_and_their_members_are_limited(server: NatsServer, actor: Actor, node: None) -> None:
    async with ingress(server.url, max_rooms=1, max_room_members=1) as url:
        await ready(url)
        code, second = await new_room(url), await new_room(url)
        async with listener(url, code, "Anna", "fr"):
            for wanted, told in ((code, "room_full"), (second, "too_many_rooms")):
                async with connected(url) as client:
                    await client.say("room.join", room=seat(wanted, "Bob", "en"))
                    assert await client.closed() == 1013
                    assert client.codes() == [told]


async def test_a_listener_may_say_little(url: str) -> None:
    code = await new_room(url)
    async with listener(url, code, "Anna", "fr") as anna:
        await anna.say("speech.playing", utterance=1, target="fr", seconds=1, speaker="m1")
        await anna.say("utterance.finalize")
        await anna.until("error", code="unknown_type")
        await anna.say("room.update", name="Anna B.")
        await until_there(anna, **{"Anna B.": "here"})
        await anna.say("session.close")
        assert await anna.closed() == 1000
    async with listener(url, code, "Bob", "en") as bob:
        for _ in range(MAX_WRONG):
            await bob.say("speech.stop")
        assert await bob.closed() == 1008
    async with listener(url, code, "Carl", "en") as carl:
        await carl.audio(bytes(320))
        assert await carl.closed() == 1008
