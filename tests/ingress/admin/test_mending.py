"""A job that was given up is run again, and its words come into the transcript: by a real node, and by one that does as
told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ingress.admin import mending as module
from ingress.admin.dead import Buried, Dead
from ingress.admin.mending import FAILED, REQUEUED, Mender, NotKept, entries_of
from tests.inbox import beside
from tests.ingress.admin.test_door import bury, dead, job
from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import node
from tests.waiting import until
from wire import subjects
from wire.bus import Bus, Taken
from wire.errors import Unavailable
from wire.history import HistoryRecord, Rendered, Said, SessionBegan
from wire.jobs import Job
from wire.messages import (
    FoundEmpty,
    JobDone,
    JobReturned,
    NodeMessage,
    StageFailed,
    Transcribed,
    Translated,
    decode,
)
from wire.transcripts import Book, announce, of_session

BATCH = subjects.batch_consumer("default")


@pytest.fixture
async def mender(bus: Bus) -> AsyncIterator[Mender]:
    await bus.declare_queue(subjects.BATCH, BATCH, subjects.batch("default"), 10)
    made = Mender(bus, Dead(bus))
    async with beside(made.run()):
        yield made


@pytest.fixture
async def history(bus: Bus) -> None:
    """Of the session that the jobs are of, something is kept."""
    await announce(bus, "acme", HistoryRecord(session="s1", began=1.0, days=1.0, source="fr"))
    await Book(bus, "acme", "s1").add(SessionBegan(n=1, at=1.0, source="fr"), 1.0)


async def buried(bus: Bus, utterance: int = 1) -> Buried:
    notice = dead(utterance, kept=True)
    id = await bury(bus, notice, job(utterance))
    return Buried(id, 0.0, notice)


async def taken(bus: Bus) -> tuple[Taken, Job]:
    """What a node would get."""
    found: Taken | None = None

    async def came() -> bool:
        nonlocal found
        found = await bus.take(subjects.BATCH, BATCH, 0.2)
        return found is not None

    await until(came)
    assert found is not None
    return found, decode(Job, found.data)


async def answer(bus: Bus, work: Job, *results: NodeMessage) -> None:
    for result in results:
        await bus.store(subjects.mailbox(work.session, "node"), result)


def about(work: Job) -> dict[str, Any]:
    return {"job": work.job, "utterance": work.utterance, "attempt": work.attempt, "node": "n1"}


async def done(mender: Mender) -> None:
    async def none() -> bool:
        return REQUEUED not in {state for state, _ in mender.states.values()}

    await until(none)


@pytest.mark.usefixtures("history")
async def test_its_words_come_into_the_transcript_and_it_leaves_dead(bus: Bus, mender: Mender) -> None:
    found = await buried(bus)
    await asyncio.gather(*(mender.requeue(found) for _ in range(3)))
    await mender.requeue(found)
    assert mender.states == {found.id: (REQUEUED, "")}
    message, work = await taken(bus)
    assert (work.attempt, work.speak, work.recorded, work.pcm) == (5, [], True, job().pcm)
    await message.ack()
    other = JobDone(**{**about(work), "attempt": 4}, seconds={})
    words = Transcribed(**about(work), text="bonjour", language="fr")
    english = Translated(**about(work), target="en", text="hello")
    await answer(bus, work, other, words, english, JobDone(**about(work), seconds={}))
    await done(mender)
    transcript = await of_session(bus, "acme", "s1")
    assert transcript is not None
    (line,) = transcript.lines
    assert (line.utterance, line.text, line.translations, line.start, line.end) == (
        1,
        "bonjour",
        {"en": "hello"},
        3.0,
        5.0,
    )
    assert await bus.holds(subjects.DEAD) == 0
    assert await bus.take(subjects.BATCH, BATCH, 0.1) is None, "it was asked for once"
    assert mender.states == {}


@pytest.mark.usefixtures("history")
async def test_what_fails_again_stays_and_says_why(bus: Bus, mender: Mender) -> None:
    found = await buried(bus)
    await mender.requeue(found)
    message, work = await taken(bus)
    await message.ack()
    again = StageFailed(**about(work), stage="asr", code="engine_failed", message="still broken", retryable=True)
    await answer(bus, work, again)
    await done(mender)
    state, note = mender.states[found.id]
    assert state == FAILED
    assert "still broken" in note
    assert await bus.holds(subjects.DEAD) == 2
    await mender.requeue(found)
    _, work = await taken(bus)
    assert work.attempt == 6, "an attempt that nobody has had"


@pytest.mark.usefixtures("history")
async def test_what_makes_way_for_live_speech_goes_round(bus: Bus, mender: Mender) -> None:
    found = await buried(bus)
    await mender.requeue(found)
    for attempt in (5, 6):
        message, work = await taken(bus)
        await message.ack()
        assert work.attempt == attempt
        end = JobReturned(**about(work)) if attempt == 5 else JobDone(**about(work), seconds={})
        await answer(bus, work, end)
    await done(mender)
    assert await bus.holds(subjects.DEAD) == 0


async def test_without_a_transcript_or_its_audio_nothing_is_run(bus: Bus, mender: Mender) -> None:
    with pytest.raises(NotKept, match="no transcript"):
        await mender.requeue(await buried(bus))
    with pytest.raises(NotKept, match="audio was not kept"):
        await mender.requeue(Buried(9, 0.0, dead(7)))
    assert await bus.holds(subjects.BATCH) == 0


async def test_no_more_than_some_are_run_at_once(
    bus: Bus, mender: Mender, history: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 1)
    await mender.requeue(await buried(bus, 1))
    with pytest.raises(Unavailable, match="wait"):
        await mender.requeue(await buried(bus, 2))


@pytest.mark.usefixtures("history")
async def test_a_transcript_that_was_deleted_meanwhile_is_not_begun_again(bus: Bus, mender: Mender) -> None:
    found = await buried(bus)
    await mender.requeue(found)
    message, work = await taken(bus)
    await message.ack()
    await bus.purge(subjects.TRANSCRIPTS, subjects.transcript("acme", "s1"), 10)
    words = Transcribed(**about(work), text="bonjour", language="fr")
    await answer(bus, work, words, JobDone(**about(work), seconds={}))
    with contextlib.suppress(TimeoutError):
        await done(mender)
    assert mender.states[found.id][0] == FAILED
    assert await of_session(bus, "acme", "s1") is None


@pytest.mark.usefixtures("history")
async def test_a_real_node_finds_the_words_again(server: NatsServer, bus: Bus) -> None:
    notice = dead(1, kept=True)
    id = await bury(bus, notice, job(1, pcm=sounds.pcm(sounds.white(2.0)), targets=["en"], speak=["en"]))
    async with node(server):
        mender = Mender(bus, Dead(bus))
        async with beside(mender.run()):
            await mender.requeue(Buried(id, 0.0, notice))
            await done(mender)
    assert mender.states == {}
    transcript = await of_session(bus, "acme", "s1")
    assert transcript is not None
    (line,) = transcript.lines
    assert line.text
    assert line.translations["en"]
    assert await bus.holds(subjects.DEAD) == 0
    assert await bus.subjects(subjects.EVENTS, subjects.speech_of("s1")) == [], "nobody listens"


def test_what_was_found_empty_adds_nothing() -> None:
    work = job(3)
    results: list[NodeMessage] = [
        FoundEmpty(**about(work), reason="noise"),
        Transcribed(**about(work), text=" ", language="fr"),
    ]
    assert list(entries_of(work, results)) == []
    said = Transcribed(**about(work), text="oui", language="fr")
    put = Translated(**about(work), target="en", text="yes")
    assert list(entries_of(work, [said, put])) == [
        Said(n=0, utterance=3, text="oui", language="fr", start=3.0, end=5.0),
        Rendered(n=0, utterance=3, target="en", text="yes"),
    ]
