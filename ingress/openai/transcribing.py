"""`POST /v1/audio/transcriptions` and `/v1/audio/translations`: a recording comes in, and what it says goes out.

The recording is decoded in a process of its own and fed to a session as fast as the fleet works on it. Its pieces come
back in order; with `stream` each of them is an event at once.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from ingress.access import Caller, caller_of
from ingress.endings import FULL
from ingress.media import decoding
from ingress.media.errors import MediaError, MediaTooLong
from ingress.media.spare import Spare
from ingress.openai import asked, formats, models
from ingress.openai.asked import Asked
from ingress.openai.fields import Fields
from ingress.openai.outflow import EVENTS, Outflow, attend
from ingress.openai.refusals import Refused
from ingress.openai.sessions import begun, check_end
from ingress.openai.transcript import Transcript
from ingress.openai.upload import FILE, MIB, Upload, received
from ingress.recital import Recital, RecitalBroken
from ingress.shared import Ingress
from wire.audio import BYTES_PER_SAMPLE, seconds
from wire.errors import DragomanError, LanguageUnsupported
from wire.log import get
from wire.protocol import ClientEvent

log = get(__name__)

DECODERS = 8
"""Processes that decode at once; others wait for their turn."""

Tell = Callable[[str], Awaitable[None]]


class Transcribing:
    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress
        self._spare = Spare()
        self._decoders = asyncio.Semaphore(DECODERS)
        self._here = 0

    async def running(self, app: web.Application) -> AsyncIterator[None]:
        """For `cleanup_ctx`."""
        async with self._spare:
            yield

    async def transcriptions(self, request: web.Request) -> web.StreamResponse:
        return await self._counted(request, asked.transcription)

    async def translations(self, request: web.Request) -> web.StreamResponse:
        return await self._counted(request, asked.translation)

    async def _counted(self, request: web.Request, read: Callable[[Fields], Asked]) -> web.StreamResponse:
        """Of uploads that lie here, too, there are no more than of sessions."""
        if self._here >= self._ingress.settings.max_sessions and FULL.error is not None:
            raise RecitalBroken(FULL.error.message, code=FULL.error.code)
        self._here += 1
        try:
            return await self._answer(request, read)
        finally:
            self._here -= 1

    async def _answer(self, request: web.Request, read: Callable[[Fields], Asked]) -> web.StreamResponse:
        ingress, caller, settings = self._ingress, caller_of(request), self._ingress.settings
        count = functools.partial(ingress.meter.bytes, caller)
        most = round(settings.max_openai_upload_mb * MIB)
        async with received(request, most, count, settings.idle_timeout_s) as upload:
            wanted = read(upload.fields)
            models.check_hears(wanted.model, ingress.fleet.ready(settings.pool))
            try:
                if wanted.stream:
                    return await self._streamed(request, caller, wanted, upload)
                transcript, lasting = await self._heard(request, caller, wanted, upload, _nobody)
            except LanguageUnsupported as error:
                raise Refused(str(error), param="language", code=error.code) from error
        text = formats.written(wanted.format, transcript, wanted.task, lasting, wanted.granularities)
        return web.Response(text=text, content_type=formats.CONTENT_TYPES[wanted.format])

    async def _streamed(
        self, request: web.Request, caller: Caller, wanted: Asked, upload: Upload
    ) -> web.StreamResponse:
        out = Outflow(request, EVENTS, self._ingress.settings.idle_timeout_s)

        async def tell(delta: str) -> None:
            await out.event({"type": "transcript.text.delta", "delta": delta})

        try:
            transcript, lasting = await self._heard(request, caller, wanted, upload, tell)
            usage = formats.tokens(lasting, transcript.text)
            await out.event({"type": "transcript.text.done", "text": transcript.text, "usage": usage})
        except DragomanError as error:
            if not out.begun:
                raise
            await out.failed(error)
        return out.response

    async def _heard(
        self, request: web.Request, caller: Caller, wanted: Asked, upload: Upload, tell: Tell
    ) -> tuple[Transcript, float]:
        """All of it, and how many seconds it lasts. `tell` is given each piece as it comes."""
        transcript = Transcript(wanted.target)
        async with begun(self._ingress, caller, wanted.wishes) as recital, asyncio.TaskGroup() as group:
            attending = group.create_task(attend(request))
            feeding = group.create_task(self._feed(recital, caller, upload))
            async for piece in recital:
                check_end(piece)
                if isinstance(piece, ClientEvent) and (delta := transcript.hear(piece)):
                    await tell(delta)
            attending.cancel()
        lasting = feeding.result()
        log.info("a recording was heard", session=recital.id, task=wanted.task, seconds=lasting, bytes=upload.size)
        return transcript, lasting

    async def _feed(self, recital: Recital, caller: Caller, upload: Upload) -> float:
        """The recording, to its end; how many seconds it lasts."""
        try:
            async with self._decoders, decoding.opened(upload.path, spare=self._spare) as audio:
                async for stretch in audio:
                    self._ingress.meter.audio(caller, seconds(len(stretch.pcm) // BYTES_PER_SAMPLE))
                    await recital.feed(stretch.pcm, stretch.speech)
                lasting = audio.seconds
        except MediaError as error:
            status = 413 if isinstance(error, MediaTooLong) else 400
            raise Refused(str(error), param=FILE, code=error.code, status=status) from error
        await recital.close()
        return lasting


async def _nobody(delta: str) -> None:
    """Is told before all is there."""
