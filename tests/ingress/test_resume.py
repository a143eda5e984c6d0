"""Clients that come back: to another ingress or the same one, with nothing lost and nothing twice.

Where the actor's answers matter it is the real one, in a scheduler; the stand-in keeps all audio and so can say whether
it is whole.
"""

from __future__ import annotations

import asyncio
import random

import numpy as np
import numpy.typing as npt
import pytest

from actors.scheduler import Scheduler
from ingress import line
from ingress.main import serve
from tests.ingress.client import Client, connected, eventually, ingress, ready, undisturbed
from tests.ingress.comeback import END_OF_STREAM, Results, frames, job_of, last_n, returned
from tests.ingress.stand_in import Actor
from tests.nats_server import NatsServer
from wire import subjects
from wire.bus import Bus
from wire.env import IngressSettings, SchedulerSettings
from wire.messages import (
    ClientLeft,
    ClientReturned,
    SpeechEnded,
    SpeechStarted,
)
from wire.protocol import SessionResumed, TranscriptFinal

FRAME = 512


# --- with the real actor --------------------------------------------------------------------------------------------


async def test_a_client_comes_back_to_another_ingress_and_misses_nothing(
    bus: Bus, scheduler: Scheduler, two: tuple[str, str], spoken: npt.NDArray[np.int16]
) -> None:
    audio = spoken.tobytes()
    half = len(audio) // 2 // 3200 * 3200 + 1000  # not at the end of a frame
    async with connected(two[0]) as client:
        started = await client.start(source="fr", targets=["en"])
        results = Results(bus, started["session"])
        await client.audio(audio[:half])
        await client.until("audio.ack")
        client.cut()
        await client.closed()
    async with returned(two[1], started, 1) as back:
        assert back.numbered() == [2]
        sent = back.next_chunk
        await back.audio(audio[min(sent * 3200, half) :])
        await back.say("utterance.finalize")
        await eventually(lambda: job_of(bus))
        await results.texts()
        await results.speak(0, 1)
        await results.store(SpeechStarted, target="en", sample_rate=22_050)
        await back.until("speech", sequence=1)
        back.cut()
        await back.closed()
        kinds = [event["type"] for event in back.events if "n" in event]
        assert kinds == ["session.resumed", "transcript.final", "translation.final", "speech.started"]
    await results.speak(2, 3)
    heard = [{"utterance": 1, "target": "en", "chunks": 2}]
    async with returned(two[0], started, last_n(back), heard=heard) as again:
        await again.until("speech", sequence=3)  # what was stored meanwhile, though the speech goes on
        await results.speak(4)
        await results.store(SpeechEnded, target="en", seconds=0.1, chunks=5)
        await again.say("session.close")
        assert await again.closed() == 1000
        assert frames(again) == [2, 3, 4]
        assert again.codes() == []
    told = client.numbered() + back.numbered() + again.numbered()
    assert told == list(range(1, len(told) + 1))


async def test_frames_and_samples_stay_aligned_in_the_actor(
    scheduler: Scheduler, two: tuple[str, str], spoken: npt.NDArray[np.int16]
) -> None:
    chance = random.Random(7)
    audio = spoken.tobytes()
    async with connected(two[0]) as client:
        started = await client.start()
        name = started["session"]
        await client.audio(audio[:7000], size=1222)
        await client.until("audio.ack")
    n = last_n(client)
    for turn in range(4):
        async with returned(two[turn % 2], started, n) as back:
            size = chance.randrange(1, 1000) * 2
            await back.audio(audio[: size * 5], size=size)
            await back.say("utterance.finalize")
            await back.until("audio.ack", chunk=back.next_chunk - 1)
            n = last_n(back)
    actor = scheduler.hosts[subjects.partition(name)]._actors[name].session
    assert actor.state.endpointer.frame == actor.buffer.end // FRAME
    assert actor.state.phase == "open"


@pytest.mark.parametrize("same", [True, False])
async def test_the_newest_connection_wins(bus: Bus, scheduler: Scheduler, two: tuple[str, str], same: bool) -> None:
    async with connected(two[0]) as old:
        started = await old.start()
        await old.audio(bytes(3200))
        await old.say("utterance.finalize")  # acknowledged at once
        await old.until("audio.ack", chunk=0)
        async with returned(two[0] if same else two[1], started, 1) as new:
            assert await old.closed() == 1008
            assert old.codes() == ["replaced"]
            await eventually(lambda: mailed(bus, started["session"], b"client_left"))
            await new.audio(bytes(3200))
            await new.say("utterance.finalize")  # acknowledged at once
            await new.until("audio.ack", chunk=1)
            await new.say("session.close")
            assert await new.closed() == 1000


async def mailed(bus: Bus, session: str, kind: bytes) -> bool:
    found = await bus.read(subjects.MAILBOX, subjects.mailbox(session, "client"), 1, END_OF_STREAM)
    return any(kind in each.data for each in found)


async def test_two_that_come_back_at_once_agree_in_the_end(scheduler: Scheduler, two: tuple[str, str]) -> None:
    async with connected(two[0]) as client:
        started = await client.start()
        client.cut()
    async with connected(two[0]) as one, connected(two[1]) as other:
        for back in (one, other):
            await back.resume(started["session"], started["token"], 1)

        async def only_one_is_left() -> bool:
            return one.codes() + other.codes() == ["replaced"]

        await eventually(only_one_is_left)
        back = other if one.codes() else one
        await back.audio(bytes(3200))
        await back.say("utterance.finalize")  # acknowledged at once
        await back.until("audio.ack", chunk=0)
        await back.say("session.close")
        assert await back.closed() == 1000
        assert back.numbered() == [2, 3, 4]


async def test_returns_that_no_scheduler_answered_do_not_replace_the_last_one(
    bus: Bus, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no scheduler is there for a while, all who tried meanwhile are answered at once when one comes."""
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(Scheduler(bus, SchedulerSettings(), "a").run())
        async with connected(two[0]) as client:
            await eventually(lambda: has_started(client))
            started = client.events[-1]
            client.cut()
        first.cancel()
        monkeypatch.setattr(line, "SCHEDULER_S", 0.3)
        for url in two:
            async with connected(url) as vain:
                await vain.resume(started["session"], started["token"], 1)
                assert await vain.closed() == 1013
                assert vain.codes() == ["no_scheduler"]
        monkeypatch.setattr(line, "SCHEDULER_S", 10)
        async with connected(two[1]) as back:
            await back.resume(started["session"], started["token"], 1)
            await eventually(lambda: returns(bus, started["session"], 3))
            second = tasks.create_task(Scheduler(bus, SchedulerSettings(), "a").run())
            await back.until("session.resumed", n=4)
            await back.audio(bytes(3200))
            await back.say("utterance.finalize")  # acknowledged at once
            await back.until("audio.ack", chunk=0)
            await back.say("session.close")
            assert await back.closed() == 1000
            assert back.numbered() == [2, 3, 4, 5]
            second.cancel()


async def has_started(client: Client) -> bool:
    await client.say("session.start")
    return bool(await client.until("session.started"))


async def returns(bus: Bus, session: str, count: int) -> bool:
    found = await bus.read(subjects.MAILBOX, subjects.mailbox(session, "client"), 1, END_OF_STREAM)
    return sum(b"client_returned" in each.data for each in found) == count


# --- with the stand-in ----------------------------------------------------------------------------------------------


async def test_all_audio_arrives_once_and_in_order_wherever_it_is_cut(
    server: NatsServer, actor: Actor, two: tuple[str, str]
) -> None:
    """Each sample says which it is; what is put in to fill a frame is zero."""
    chance = random.Random(20)
    samples = (np.arange(1, 16_000 * 6 + 1) % 30_000 + 1).astype("<i2")
    size = 1100
    pieces = [samples[at : at + size].tobytes() for at in range(0, len(samples), size)]
    async with connected(two[0]) as client:
        started = await client.start()
        for piece in pieces[: chance.randrange(2, 8)]:
            await client.audio(piece, size=9999)
        client.cut()
    n = 1
    for turn in range(8):
        async with returned(chance.choice(two), started, n) as back:
            rest = pieces[back.next_chunk :]
            for piece in rest[: chance.randrange(0, 9)] if turn < 7 else rest:
                await back.audio(piece, size=9999)
            if chance.random() < 0.5 or turn == 7:
                await back.until("audio.ack") if turn == 7 else None
            n = last_n(back)
            if turn == 7:
                await back.say("session.close")
                assert await back.closed() == 1000
            else:
                back.cut()
    heard = actor.sessions[started["session"]]
    taken = np.frombuffer(bytes(heard.pcm), "<i2")
    assert np.array_equal(taken[taken != 0], samples)
    assert (taken == 0).sum() < 8 * FRAME
    assert len(heard.speech) == len(taken) // FRAME


async def test_what_an_old_connection_still_sends_is_not_mixed_in(
    server: NatsServer, actor: Actor, two: tuple[str, str]
) -> None:
    async with connected(two[0]) as old:
        started = await old.start()
        await old.audio(b"\1\0" * 1600)
        await old.until("audio.ack", chunk=0)
        await old.audio(b"\1\0" * 100)
        name = started["session"]
        async with returned(two[1], started, 1) as new:
            await old.closed()
            heard = actor.sessions[name]
            assert any(isinstance(mail, ClientReturned) for mail in heard.mail)
            await new.audio(b"\2\0" * 1600)
            await new.say("session.close")
            assert await new.closed() == 1000
            assert not [mail for mail in heard.mail if isinstance(mail, ClientLeft) and mail.connection == ""]
            assert len({mail.connection for mail in heard.mail if isinstance(mail, ClientLeft)}) == 1
    assert heard.pcm.count(b"\2\0") == 1600


async def test_an_ingress_that_is_drained_sends_its_clients_elsewhere(
    server: NatsServer, actor: Actor, node: None
) -> None:
    stop = asyncio.Event()
    async with ingress(server.url) as staying, asyncio.TaskGroup() as group:
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        settings = IngressSettings(nats_url=server.url, port=0)
        group.create_task(serve(settings, stop, ready=address.set_result))
        going = await address
        await ready(staying)
        await ready(going)
        async with connected(going) as client:
            started = await client.start()
            await client.audio(bytes(3200))
            async with connected(going) as silent:
                stop.set()
                assert await client.closed() == 1012
                assert client.codes() == ["going_away"]
                assert await silent.closed() == 1012
        async with returned(staying, started, 1) as back:
            await back.audio(bytes(3200))
            await back.say("session.close")
            assert await back.closed() == 1000
            assert "replaced" not in back.codes()


async def test_unheard_speech_of_several_utterances_is_caught_up_without_pauses(
    actor: Actor, two: tuple[str, str]
) -> None:
    async with connected(two[0]) as client:
        started = await client.start(source="fr", targets=["en"])
        client.cut()
    name = started["session"]
    for utterance in range(1, 7):
        await actor.tell(name, TranscriptFinal(utterance=utterance, text="x", language="fr", start=0, end=1))
        await actor.speak(name, utterance, "en", [bytes(100)] * 3)
    began = asyncio.get_running_loop().time()
    async with returned(two[1], started, 1) as back:
        assert asyncio.get_running_loop().time() - began < 2
        assert frames(back) == [0, 1, 2] * 6
        assert back.numbered() == list(range(2, 21))


async def test_a_return_that_is_told_late_asks_for_nothing_that_was_acknowledged(
    actor: Actor, two: tuple[str, str]
) -> None:
    """Acknowledgements are live, and overtake what is stored: the client has let go of that audio."""
    async with connected(two[0]) as client:
        started = await client.start(source="fr", targets=["en"])
        client.cut()
    async with returned(two[1], started, 1) as back:
        resumed = back.events[-1]
        await back.audio(bytes(3200))
        await back.until("audio.ack", chunk=0)
        late = SessionResumed(next_chunk=resumed["next_chunk"], samples=resumed["samples"])
        await actor.tell(started["session"], late)
        assert (await back.until("session.resumed", n=3))["next_chunk"] == 1


async def test_a_return_is_a_message_for_the_beginning_only(url: str, actor: Actor) -> None:
    async with undisturbed(url), connected(url) as client:
        await client.start()
        await client.resume("s1", "t", 1)
        assert (await client.until("error"))["code"] == "unknown_type"
