"""Who is let in again, and with what: the actor is the real one."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import numpy as np
import numpy.typing as npt
import pytest

from actors.scheduler import Scheduler
from tests.ingress.client import connected, eventually
from tests.ingress.comeback import END_OF_STREAM, Results, job_of, last_n, returned
from wire import subjects
from wire.bus import Bus
from wire.messages import Transcribed


async def test_the_token_is_in_no_stream_and_no_log(
    bus: Bus, scheduler: Scheduler, two: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    async with connected(two[0]) as client:
        started = await client.start()
        token = started["token"].encode()
        assert len(token) >= 32
        client.cut()
    async with returned(two[1], started, 1) as back:
        await back.say("session.close")
        await back.closed()
    for stream, everything in (
        (subjects.MAILBOX, subjects.MAILBOX_ALL), (subjects.EVENTS, subjects.EVENT_ALL), ("KV_sessions", "$KV.>"),
    ):  # fmt: skip
        stored = await bus.read(stream, everything, 1, END_OF_STREAM)
        assert stored
        assert not [found for found in stored if token in found.data]
    assert token.decode() not in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["token", "session", "name", "number", "ended"])
async def test_whoever_may_not_come_back_is_told_no_more_than_that(
    bus: Bus, scheduler: Scheduler, two: tuple[str, str], wrong: str
) -> None:
    async with undisturbed_real(two[0]), connected(two[0]) as client:
        started = await client.start()
        session, token, n = started["session"], started["token"], 1
        match wrong:
            case "token":
                token = "x" * len(token)
            case "session":
                session = "s0123456789abcdef"
            case "name":
                session = "*"
            case "number":
                n = 7
            case _:
                await client.say("session.close")
                assert await client.closed() == 1000
                n = last_n(client)
        async with connected(two[1]) as other:
            await other.resume(session, token, n)
            assert await other.closed() == 4404
            (error,) = [event for event in other.events if event["type"] == "error"]
            assert (error["code"], error["retryable"], last_n(other)) == ("session_unknown", False, 0)


@contextlib.asynccontextmanager
async def undisturbed_real(url: str) -> AsyncIterator[None]:
    async with connected(url) as client:
        await client.start()
        yield
        await client.say("session.close")
        assert await client.closed() == 1000


async def test_events_that_the_stream_has_forgotten_are_not_passed_over(
    bus: Bus, scheduler: Scheduler, two: tuple[str, str]
) -> None:
    async with connected(two[0]) as client:
        started = await client.start()
        for speech in (False, True, False):
            await client.say("session.update", speech=speech)
        await client.until("session.updated", n=4)
    subject = subjects.event(started["session"])
    first, second, *_ = await bus.read(subjects.EVENTS, subject, 1, END_OF_STREAM)
    for found in (first, second):
        await bus._js.delete_msg(subjects.EVENTS, found.sequence)
    async with connected(two[1]) as late:
        await late.resume(started["session"], started["token"], 1)
        assert await late.closed() == 4404
    async with returned(two[1], started, 2) as back:
        assert back.numbered() == [3, 4, 5]


async def test_languages_are_those_that_held_last(bus: Bus, scheduler: Scheduler, two: tuple[str, str]) -> None:
    """The snapshot may be older than the last change."""
    async with connected(two[0]) as client:
        started = await client.start(source="fr", targets=["en"])
        await client.say("session.update", targets=["de"])
        await client.until("session.updated")
        client.cut()
    async with returned(two[1], started, 2) as back:
        await back.say("session.update", speech=False)
        updated = await back.until("session.updated", speech=False)
        assert (updated["source"], updated["targets"]) == ("fr", ["de"])


async def test_a_client_that_closed_and_was_cut_off_gets_the_rest(
    bus: Bus, scheduler: Scheduler, two: tuple[str, str], spoken: npt.NDArray[np.int16]
) -> None:
    async with connected(two[0]) as client:
        started = await client.start(source="fr")
        await client.audio(spoken.tobytes())
        await client.say("session.close")
        await eventually(lambda: job_of(bus))
        client.cut()
    await Results(bus, started["session"]).store(Transcribed, text="bonjour", language="fr")

    async def closed() -> bool:
        newest = await bus.last(subjects.EVENTS, subjects.event(started["session"]))
        return newest is not None and b"session.closed" in newest.data

    await eventually(closed)
    async with connected(two[1]) as back:
        await back.resume(started["session"], started["token"], 1)
        assert await back.closed() == 1000
        kinds = [event["type"] for event in back.events[:-1]]
        assert kinds == ["transcript.final", "session.closed"]
