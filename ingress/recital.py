"""A session whose client is this process: a recording that somebody brought, or a text that is to be spoken.

    async with reciting(ingress, wishes, tenant) as recital:
        async with asyncio.TaskGroup() as group:
            group.create_task(bring(recital))       feed(pcm, speech) …, or say(text, language); then close()
            async for piece in recital: …           what a client would be told, in order, to `session.closed`

It is a session like any other, so what is fed survives the death of a scheduler or a node, and comes out once and in
order. It does not survive the death of this process: whoever brought it begins again, and what nodes have found out is
in their cache. Feeding waits while as many pieces are unfinished as the pool can work on soon: a recording of hours
occupies no more of the mailbox and of the actor's memory than that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec

from ingress import entry
from ingress.delivery import Outgoing, SpeechFrame
from ingress.endings import Ending
from ingress.line import Line
from ingress.shared import Ingress
from ingress.signal import Signal
from ingress.wishes import Wishes
from wire.audio import SAMPLE_RATE
from wire.errors import LanguageUnsupported, Unavailable, first_of
from wire.messages import TextGiven
from wire.protocol import ErrorTold, SessionClosed, TranscriptFinal, UtteranceEmpty, UtteranceEnded

PIECES_OF_A_SLOT = 2
MAX_PIECES = 64
MAX_UNREAD = 64 * 1024 * 1024
"""Bytes of speech that wait here to be taken. While there are a quarter as many, nothing more is fed."""
MAX_HELD = MAX_UNREAD // 2
"""Those that wait for the piece before them, which may take longer than EVENTS keeps them."""
PATIENCE_S = 3600.0
"""How long what is left may take after the close: a recording waits while people speak."""


class RecitalBroken(Unavailable):
    """The session ended before all was told. `code` and text are those of an Ending (ingress.endings)."""


class Recital(Line):
    """Made by `reciting`. Iterate it once, for `Outgoing` pieces; they end with SessionClosed."""

    closing_s = PATIENCE_S

    def __init__(self, ingress: Ingress, way_in: entry.Entry) -> None:
        self._broken: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        super().__init__(ingress, way_in, self.break_off)
        self._feed.hold(MAX_HELD)
        self._pieces: asyncio.Queue[Outgoing | None] = asyncio.Queue()
        self._unread = 0
        self._begun = self._told = 0  # utterances
        self._settled = Signal()
        self._texts = 0
        self.over = False
        """Whether all was told."""

    # --- as a guest of the ingress ---

    def break_off(self, ending: Ending) -> None:
        if not self._broken.done() and not self.over:
            self._broken.set_result(ending)

    def beat(self, now: float) -> None:
        """Nobody here has to be told that this process lives."""

    # --- up ---

    async def feed(self, pcm: bytes, speech: bytes) -> None:
        """PCM16 mono at 16 kHz and a byte for each 32 ms frame that it completed, as AudioChunk has them; about a
        second is a good size. Waits while too much is unfinished."""
        while self._begun - self._told >= self._room() or self._unread > MAX_UNREAD // 4:
            await self._settled.wait()
        await self.uplink.measured(pcm, speech)
        self.stir()

    async def say(self, text: str, language: str) -> None:
        """An utterance that is written. Raises NatsUnavailable."""
        self._texts += 1
        await self.send(TextGiven(number=self._texts, text=text, language=language))

    def _room(self) -> int:
        slots = sum(node.slots for node in self._ingress.fleet.ready(self._ingress.settings.pool))
        return min(MAX_PIECES, max(2, PIECES_OF_A_SLOT * slots))

    # --- down ---

    def hear(self, piece: Outgoing) -> None:
        match piece:
            case SpeechFrame(chunk=chunk):
                self._unread += len(chunk.pcm)
                if self._unread > MAX_UNREAD:
                    self.break_off(Ending.told(0, "slow_reader", "the speech that was asked for is not taken"))
            case UtteranceEnded(utterance=number):
                self._begun = max(self._begun, number)
            case TranscriptFinal(utterance=number) | UtteranceEmpty(utterance=number):
                self._settle_utterance(number)
            case ErrorTold(utterance=int(number), target=None):
                self._settle_utterance(number)
            case SessionClosed():
                self.over = True
        self._pieces.put_nowait(piece)
        if self.over:
            self._pieces.put_nowait(None)

    def _settle_utterance(self, number: int) -> None:
        self._told = max(self._told, number)
        self._begun = max(self._begun, number)
        self._settled.set()

    def __aiter__(self) -> AsyncIterator[Outgoing]:
        return self._told_pieces()

    async def _told_pieces(self) -> AsyncIterator[Outgoing]:
        while (piece := await self._pieces.get()) is not None:
            if isinstance(piece, SpeechFrame):
                self._unread -= len(piece.chunk.pcm)
                self._settled.set()
            yield piece

    # --- to the end ---

    async def watch(self) -> None:
        """Raises RecitalBroken as soon as the session has ended before its time."""
        ending = await self._broken
        told = ending.error
        raise RecitalBroken(
            told.message if told else "the session ended", code=told.code if told else None,
            retryable=told is None or told.retryable,
        )  # fmt: skip

    async def leave(self) -> None:
        """Nobody waits for what is left of it: it ends at once."""
        if not self.over:
            await self.abandon()


@contextlib.asynccontextmanager
async def reciting(ingress: Ingress, wishes: Wishes, tenant: str) -> AsyncIterator[Recital]:
    """Open a session and end it with the block, whether all was told or not.

    Raises LanguageUnsupported, RecitalBroken (at any await inside, too), NatsUnavailable, NoScheduler.
    """
    settings = ingress.settings
    if (unready := ingress.unready()) is not None and unready.error is not None:
        raise RecitalBroken(unready.error.message, code=unready.error.code)
    between = wishes.options.between
    if (refusal := ingress.fleet.refusal(settings.pool, wishes.source, wishes.targets, between)) is not None:
        raise LanguageUnsupported(refusal)
    options = msgspec.structs.replace(wishes.options, boundaries=True)
    wishes = msgspec.structs.replace(wishes, options=options)
    recital = Recital(ingress, entry.new(wishes, SAMPLE_RATE, ingress.id, settings.pool, tenant))
    ingress.connections.add(recital)
    try:
        async with asyncio.TaskGroup() as group:
            with recital.connected():
                beside = [group.create_task(recital.keep()), group.create_task(recital.watch())]
                await recital.enter()
                yield recital
                for task in beside:
                    task.cancel()
    except BaseExceptionGroup as errors:
        raise first_of(errors) from None
    finally:
        ingress.forget(recital)
        await recital.leave()
