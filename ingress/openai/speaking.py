"""`POST /v1/audio/speech`: a text comes in, and its sound goes out while it is made.

The text is said in parts (`ingress.openai.spoken`), two of them at a time: while one goes out to the client, the next
is being made. A client that reads slowly is waited for, and no more is made than it takes.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from aiohttp import web

from ingress.access import caller_of
from ingress.delivery import SpeechFrame
from ingress.media.encoding import CONTENT_TYPES, SAMPLE_RATE, Encoder
from ingress.media.tempo import Tempo
from ingress.openai import formats, models, spoken
from ingress.openai.outflow import EVENTS, Outflow, attend
from ingress.openai.refusals import Refused, too_slow
from ingress.openai.sessions import begun, check_end
from ingress.openai.spoken import SpeechAsked
from ingress.openai.transcript import failure
from ingress.recital import Recital
from ingress.resample import Resampler
from ingress.shared import Ingress
from ingress.wishes import Wishes
from wire.errors import DragomanError
from wire.log import get
from wire.options import Options
from wire.protocol import ErrorTold, SpeechFinished, SpeechMissing

log = get(__name__)

AHEAD = 2


class Speaking:
    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress

    async def speech(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            raise Refused("send JSON: application/json", code="unsupported_media_type", status=415)
        settings = self._ingress.settings
        try:
            async with asyncio.timeout(settings.idle_timeout_s):
                wanted = spoken.asked(await request.read())
        except TimeoutError as error:
            raise too_slow(settings.idle_timeout_s) from error
        nodes = self._ingress.fleet.ready(settings.pool)
        language = models.language_of(wanted.model, wanted.voice_name, nodes)
        out = _Sound(request, wanted, settings.idle_timeout_s)
        try:
            await self._say(request, wanted, language, out)
        except DragomanError as error:
            if not out.begun:
                raise
            await out.fail(error)
        return out.response

    async def _say(self, request: web.Request, wanted: SpeechAsked, language: str, out: _Sound) -> None:
        caller = caller_of(request)
        wishes = Wishes(source=language, targets=[language], speech=True, options=Options(pace=1.0))
        async with begun(self._ingress, caller, wishes) as recital, asyncio.TaskGroup() as group:
            attending = group.create_task(attend(request))
            await self._recite(recital, spoken.parts(wanted.input), language, out)
            attending.cancel()
        await out.end()
        log.info("a text was spoken", session=recital.id, characters=len(wanted.input), seconds=out.seconds)

    async def _recite(self, recital: Recital, parts: list[str], language: str, out: _Sound) -> None:
        waiting = iter(parts)

        async def next_part() -> None:
            if (part := next(waiting, None)) is not None:
                await recital.say(part, language)
            elif not recital.closing:
                await recital.close()

        for _ in range(AHEAD):
            await next_part()
        async for piece in recital:
            check_end(piece)
            match piece:
                case SpeechFrame(chunk=chunk):
                    await out.sound(chunk.pcm, chunk.sample_rate)
                case SpeechFinished():
                    await out.pause()
                    await next_part()
                case SpeechMissing(reason=reason):
                    raise Refused(f"a part of `input` cannot be said: {reason}", param="input")
                case ErrorTold(utterance=int()):
                    raise failure(piece)
                case _:
                    pass


class _Sound:
    """The answer: encoded, and as events where such were asked for."""

    def __init__(self, request: web.Request, wanted: SpeechAsked, patience: float) -> None:
        events = wanted.stream_format == "sse"
        self._out = Outflow(request, EVENTS if events else CONTENT_TYPES[wanted.response_format], patience)
        self._events = events
        self._input = wanted.input
        self._encoder = Encoder(wanted.response_format, SAMPLE_RATE)
        self._tempo = Tempo(SAMPLE_RATE, wanted.speed)
        self._resampler: Resampler | None = None
        self._samples = 0

    @property
    def begun(self) -> bool:
        return self._out.begun

    @property
    def response(self) -> web.StreamResponse:
        return self._out.response

    @property
    def seconds(self) -> float:
        return round(self._samples / SAMPLE_RATE, 3)

    async def sound(self, pcm: bytes, sample_rate: int) -> None:
        """PCM16 mono, of one part of the text until `pause`."""
        if self._resampler is None:
            self._resampler = Resampler(sample_rate, SAMPLE_RATE)
        await self._encode(self._tempo.feed(self._resampler.feed(pcm).tobytes()))

    async def pause(self) -> None:
        """A part is over: the next may come from another node, at another rate."""
        if self._resampler is not None:
            rest, self._resampler = self._resampler.finish().tobytes(), None
            await self._encode(self._tempo.feed(rest))

    async def _encode(self, pcm: bytes) -> None:
        self._samples += len(pcm) // 2
        await self._write(self._encoder.feed(pcm))

    async def _write(self, data: bytes) -> None:
        if not self._events:
            await self._out.write(data)
        elif data:
            await self._out.event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})

    async def end(self) -> None:
        await self._encode(self._tempo.finish())
        await self._write(self._encoder.finish())
        if self._events:
            await self._out.event({"type": "speech.audio.done", "usage": self._usage()})

    def _usage(self) -> dict[str, Any]:
        read, said = formats.text_tokens(self._input), formats.audio_tokens(self.seconds)
        return {"input_tokens": read, "output_tokens": said, "total_tokens": read + said}

    async def fail(self, error: DragomanError) -> None:
        """Some of it is out already."""
        if self._events:
            await self._out.failed(error)
        else:
            self._out.break_off()
