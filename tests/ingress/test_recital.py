"""A session whose client is the ingress itself, with an actor that answers on the real subjects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ingress import endings
from ingress.delivery import SpeechFrame
from ingress.endings import Ending
from ingress.recital import MAX_UNREAD, RecitalBroken, reciting
from ingress.shared import Ingress
from ingress.vad import SpeechModel
from ingress.wishes import Wishes
from tests.ingress.stand_in import NODE, Actor
from wire import subjects
from wire.audio import FRAME_SAMPLES
from wire.bus import Bus
from wire.env import IngressSettings
from wire.errors import LanguageUnsupported
from wire.fleet import FleetView
from wire.jobs import SpeechChunk
from wire.messages import ControlMail, SessionTerminated, TextGiven, decode
from wire.protocol import SessionClosed, SessionReady, SpeechBegan, SpeechFinished, TranscriptFinal, UtteranceEnded

WISHES = Wishes(source="en")


@pytest.fixture
async def ingress(bus: Bus, actor: Actor, model: SpeechModel) -> AsyncIterator[Ingress]:
    made = Ingress(IngressSettings(), bus, FleetView(), model)
    made.fleet.apply("n1", NODE)
    await made.feed.start()
    yield made
    assert not made.connections
    assert not made.feed.sessions


async def test_what_is_fed_reaches_the_actor_as_it_is_and_all_is_told_to_the_end(
    ingress: Ingress, actor: Actor
) -> None:
    async with reciting(ingress, WISHES, "acme") as recital:
        await recital.feed(bytes(2 * 3 * FRAME_SAMPLES), b"\x00\xff\x07")
        await recital.finalize()
        await recital.close()
        pieces = [piece async for piece in recital]
    session, heard = actor.only()
    assert heard.opened.tenant == "acme"
    assert heard.opened.options.boundaries
    assert bytes(heard.speech) == b"\x00\xff\x07"
    assert len(heard.pcm) == 2 * 3 * FRAME_SAMPLES
    stored = [type(piece) for piece in pieces if getattr(piece, "n", 0)]
    assert stored == [SessionReady, TranscriptFinal, SessionClosed]
    assert session not in ingress.feed.sessions
    assert await terminated(ingress.bus, session) is None


async def test_a_written_text_is_numbered(ingress: Ingress, actor: Actor) -> None:
    async with reciting(ingress, WISHES, "acme") as recital:
        await recital.say("Good morning.", "en")
        await recital.say("Good night.", "en")
        await recital.close()
        assert isinstance([piece async for piece in recital][-1], SessionClosed)
    _, heard = actor.only()
    texts = [mail for mail in heard.mail if isinstance(mail, TextGiven)]
    assert [(each.number, each.text) for each in texts] == [(1, "Good morning."), (2, "Good night.")]


async def test_feeding_waits_while_as_much_is_unfinished_as_the_pool_can_take(ingress: Ingress, actor: Actor) -> None:
    async with reciting(ingress, WISHES, "acme") as recital:
        for number in (1, 2):  # one slot: two pieces
            recital.hear(UtteranceEnded(utterance=number, start=0.0, end=1.0))
        feeding = asyncio.ensure_future(recital.feed(bytes(1024), b"\x00"))
        await asyncio.wait({feeding}, timeout=0.1)
        assert not feeding.done()
        await actor.tell(recital.id, TranscriptFinal(utterance=1, text="one", language="en", start=0, end=1))
        await asyncio.wait_for(feeding, 5)
        await recital.close()


async def test_feeding_waits_while_speech_is_not_taken(ingress: Ingress, actor: Actor) -> None:
    """A fleet speaks faster than one process makes sound files of it."""
    async with reciting(ingress, WISHES, "acme") as recital:
        chunk = SpeechChunk(job="s.1", attempt=1, sequence=0, sample_rate=22_050, pcm=bytes(MAX_UNREAD // 4))
        for _ in range(2):
            recital.hear(SpeechFrame(1, "en", chunk))
        feeding = asyncio.ensure_future(recital.feed(bytes(1024), b"\x00"))
        await asyncio.wait({feeding}, timeout=0.1)
        assert not feeding.done()
        taking = aiter(recital)
        while not isinstance(await anext(taking), SpeechFrame):
            pass
        await asyncio.wait_for(feeding, 5)
        await recital.close()


async def test_speech_that_waits_for_a_piece_before_it_is_not_lost_when_the_stream_forgets_it(
    ingress: Ingress, actor: Actor
) -> None:
    chunks, bus = 120, ingress.bus
    async with reciting(ingress, WISHES, "acme") as recital:
        subject = subjects.speech(recital.id, 2, "en")
        for sequence in range(chunks):  # a minute and a half
            chunk = SpeechChunk(job="s.2", attempt=1, sequence=sequence, sample_rate=22_050, pcm=bytes(32_000))
            await bus.store(subject, chunk)
        await bus.purge(subjects.EVENTS, subject, await bus.newest(subjects.EVENTS))
        await actor.tell(recital.id, SpeechBegan(utterance=2, target="en", sample_rate=22_050))
        await actor.tell(recital.id, SpeechFinished(utterance=2, target="en", seconds=87.0, chunks=chunks))
        await recital.close()
        pieces = [piece async for piece in recital]
    assert [piece.chunk.sequence for piece in pieces if isinstance(piece, SpeechFrame)] == list(range(chunks))


async def test_without_a_node_or_a_language_nothing_is_opened(ingress: Ingress, actor: Actor) -> None:
    with pytest.raises(LanguageUnsupported, match="'xx'"):
        async with reciting(ingress, Wishes(source="xx"), "acme"):
            pytest.fail("it was let in")
    ingress.fleet.apply("n1", None)
    with pytest.raises(RecitalBroken, match="no node") as broken:
        async with reciting(ingress, WISHES, "acme"):
            pytest.fail("it was let in")
    assert broken.value.code == "no_node"
    assert broken.value.retryable
    assert not actor.sessions


async def test_who_goes_before_the_end_ends_the_session(ingress: Ingress, actor: Actor) -> None:
    with pytest.raises(ValueError, match="mine"):
        async with reciting(ingress, WISHES, "acme"):
            raise ValueError("mine")
    session, _ = actor.only()
    assert await terminated(ingress.bus, session) == SessionTerminated(reason="abandoned")


@pytest.mark.parametrize("reasons", [(endings.STOPPING,), (endings.STOPPING, endings.NO_SCHEDULER)])
async def test_an_ingress_that_goes_away_breaks_it_off_and_the_first_reason_counts(
    ingress: Ingress, actor: Actor, reasons: tuple[Ending, ...]
) -> None:
    async def broken_off() -> None:
        async with reciting(ingress, WISHES, "acme") as recital:
            for reason in reasons:
                for guest in ingress.connections:
                    guest.end(reason)
            async for _ in recital:
                pass

    with pytest.raises(RecitalBroken) as broken:
        await broken_off()
    assert broken.value.code == "going_away"


async def terminated(bus: Bus, session: str) -> SessionTerminated | None:
    last = await bus.last(subjects.MAILBOX, subjects.mailbox(session, "control"))
    return decode(ControlMail, last.data) if last is not None else None
