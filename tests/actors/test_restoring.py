"""What a successor finds of sessions whose audio is old: on a real server, with the mailbox's part of it gone."""

from __future__ import annotations

from actors.host import Host
from tests.actors.life import Story, Teller, transcribed
from tests.actors.test_attempts import about
from tests.actors.test_host import count, events, hosting, post, post_all
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.env import SchedulerSettings
from wire.jobs import Job
from wire.messages import FinalizeRequested, JobReturned, decode
from wire.options import Endpointing, Options
from wire.protocol import AnyClientEvent, ErrorTold, TranscriptFinal

KEPT = SchedulerSettings(client_timeout_s=10_000)
RECORDED = Options(recorded=True)
MANUAL = Options(endpointing=Endpointing(manual=True))


async def pieces(bus: Bus) -> list[Job]:
    found = await bus.read(subjects.BATCH, subjects.batch("default"), 1, await bus.newest(subjects.BATCH))
    return [decode(Job, each.data) for each in found]


async def forget(bus: Bus, stream: str, subject: str) -> None:
    """As if it were too old, or done."""
    await bus.purge(stream, subject, await bus.newest(stream))


async def left(bus: Bus, story: Story) -> None:
    """A scheduler folds this in, stores a snapshot and stops; then the mailbox forgets it all."""
    async with hosting(bus, KEPT) as host:
        await post_all(bus, story)
        await until(lambda: folded(bus, host))
        await host.stop()
    await forget(bus, subjects.MAILBOX, subjects.mailbox_of("s1"))


async def folded(bus: Bus, host: Host) -> bool:
    return host._seen == await bus.newest(subjects.MAILBOX) and host.sessions == 1


def fed() -> Teller:
    return Teller(targets=(), options=RECORDED, frames=30).voice(5).quiet(4)


async def test_the_audio_of_a_piece_is_read_from_its_job_and_another_attempt_has_it(bus: Bus) -> None:
    other = Job(job="s2.1", session="s2", utterance=1, attempt=1, pool="default", source="fr", pcm=b"\0\0", start=0.0)
    await bus.store(subjects.batch("default"), other, id="another session's")
    await left(bus, fed().story)
    async with hosting(bus, KEPT):
        await post(bus, JobReturned(**about()), 900)

        async def again() -> bool:
            return len(await pieces(bus)) == 3

        await until(again)
        await post(bus, transcribed(1, attempt=2), 901)
        await until(count(bus, 2))
    _, first, second = await pieces(bus)
    assert (first.attempt, second.attempt) == (1, 2)
    assert len(first.pcm) == len(second.pcm) > 5 * 32_000
    assert isinstance((await events(bus))[1], TranscriptFinal)


async def test_a_piece_that_is_with_its_node_when_the_scheduler_dies_needs_no_audio(bus: Bus) -> None:
    await left(bus, fed().story)
    await forget(bus, subjects.BATCH, subjects.batch("default"))
    async with hosting(bus, KEPT):
        await post(bus, transcribed(1), 900)
        await until(count(bus, 2))
    assert isinstance((await events(bus))[1], TranscriptFinal)


async def test_a_piece_whose_audio_is_nowhere_is_told_as_one_that_may_be_brought_again(bus: Bus) -> None:
    await left(bus, fed().story)
    await forget(bus, subjects.BATCH, subjects.batch("default"))
    async with hosting(bus, KEPT):
        await post(bus, JobReturned(**about()), 900)
        await until(count(bus, 2))
    error = (await events(bus))[1]
    assert isinstance(error, ErrorTold)
    assert (error.code, error.retryable, error.utterance) == ("timed_out", True, 1)
    assert await pieces(bus) == []


async def test_a_session_goes_on_where_the_mailbox_has_lost_what_it_had_not_ended(bus: Bus) -> None:
    """A client that ends utterances itself took longer than mail is kept. What there is of it is not passed off as all
    of it, and the session hears what comes next."""
    teller = Teller(targets=(), options=MANUAL).voice(2)
    await left(bus, teller.story)
    known = len(teller.story)
    async with hosting(bus, KEPT):
        teller.voice(1).say(FinalizeRequested(after=teller.chunk - 1)).voice(1)
        await post_all(bus, teller.say(FinalizeRequested(after=teller.chunk - 1)).story[known:], known)
        await until(count(bus, 2))
        await post(bus, transcribed(2), 900)
        await until(count(bus, 3))
    _, error, final = await events(bus)
    assert isinstance(error, ErrorTold)
    assert (error.utterance, error.code) == (1, "timed_out")
    assert isinstance(final, TranscriptFinal)
    assert final.utterance == 2


async def test_boundaries_that_a_predecessor_told_are_not_told_again(bus: Bus) -> None:
    told: list[str] = []

    def listen(data: bytes) -> None:
        event = decode(AnyClientEvent, data)  # type: ignore[var-annotated]
        kind = str(event.__struct_config__.tag)
        if kind.startswith("utterance."):
            told.append(f"{kind} {event.utterance}")

    await bus.subscribe(subjects.live("s1"), lambda found: listen(found.data))
    teller = Teller(targets=(), options=Options(boundaries=True)).voice(1).quiet(1).voice(1)
    async with hosting(bus, KEPT) as first:
        await post_all(bus, teller.story)
        await until(lambda: folded(bus, first))

        async def heard() -> bool:
            return len(told) == 3

        await until(heard)
    known = len(teller.story)
    async with hosting(bus, KEPT):  # it died without a word: all is replayed, from the opening on
        await post_all(bus, teller.quiet(1).story[known:], known)

        async def heard_all() -> bool:
            return len(told) == 4

        await until(heard_all)
        await post(bus, transcribed(1), 900)
        await until(count(bus, 2))
    kinds = ["utterance.started 1", "utterance.ended 1", "utterance.started 2", "utterance.ended 2"]
    assert told == kinds
