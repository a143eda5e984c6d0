"""Somebody who speaks, and comes back: a client of docs/protocol.md that writes down all that it was told, and when.

The microphone goes on whatever happens to the connection, in real time. A connection that breaks, or that says nothing
for too long, is replaced by one to any address, with the back-off that the protocol asks for; then the server gets
again what it has not got. What the protocol forbids the server to do is noted in `faults` as it happens: an event that
comes twice or is skipped, speech frames out of sequence, audio asked for again that was acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from cli.link import RETURNING
from wire.messages import encode
from wire.protocol import (
    AnyClientEvent,
    AudioAck,
    ClientEvent,
    CloseRequest,
    ErrorTold,
    ResumeRequest,
    SessionClosed,
    SessionReady,
    SessionResumed,
    SpeechBegan,
    SpeechFinished,
    SpeechHeard,
    StartRequest,
    TranscriptFinal,
    TranscriptPartial,
)

PATH = "/v1/stream"
CHUNK_S = 0.1
PING_S = 4.0
SILENCE_S = 10.0
"""While it speaks it is told something each second; a server that is silent for so long is left."""
CONNECT_S = 5.0
BACK_OFF_S, MAX_BACK_OFF_S = 0.2, 5.0
UNKNOWN = "session_unknown"

_decoder = msgspec.json.Decoder(AnyClientEvent)
_frame = struct.Struct("<B3xIII16s")


@dataclass
class Heard:
    """What one speaker was told: numbered events with the time of their arrival, and speech frames as they came.

    Times are `time.monotonic()`. `began` is when the microphone was switched on.
    """

    session: str = ""
    began: float = 0.0
    events: list[tuple[float, ClientEvent]] = field(default_factory=list)
    frames: dict[tuple[int, str], int] = field(default_factory=dict)
    samples: dict[tuple[int, str], int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    returns: int = 0
    closed: bool = False


class Speaker:
    """`pieces` are chunks of CHUNK_S, PCM16 mono 16 kHz; `addresses` http://… of all ingresses."""

    def __init__(
        self, addresses: Sequence[str], pieces: Sequence[bytes], start: StartRequest, chance: random.Random
    ) -> None:
        self._addresses = addresses
        self._pieces = pieces
        self.start = start
        self._chance = chance
        self._token = ""
        self._n = 0
        self._said = 0
        self._acked = -1
        self._committed: dict[int, str] = {}
        self._open: dict[tuple[int, str], int] = {}  # speech that has begun and not ended: frames
        self._go_on: int | None = None
        self._stir = asyncio.Event()
        self.heard = Heard()
        self.opened = asyncio.Event()

    async def run(self) -> None:
        """From the first word to `session.closed`, or until the session is refused for good."""
        back_off = BACK_OFF_S
        async with aiohttp.ClientSession() as client, asyncio.TaskGroup() as group:
            microphone = group.create_task(self._speak())
            while not self.heard.closed:
                before = len(self.heard.events)
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    await self._connect(client)
                if self.heard.closed:
                    break
                if len(self.heard.events) > before:
                    back_off = BACK_OFF_S
                await asyncio.sleep(back_off * self._chance.uniform(0.5, 1.0))
                back_off = min(MAX_BACK_OFF_S, 2 * back_off)
            microphone.cancel()

    async def _speak(self) -> None:
        await self.opened.wait()
        self.heard.began = begin = time.monotonic()
        for number in range(len(self._pieces)):
            await asyncio.sleep(max(0.0, begin + (number + 1) * CHUNK_S - time.monotonic()))
            self._said = number + 1
            self._stir.set()

    # --- one connection ---

    async def _connect(self, client: aiohttp.ClientSession) -> None:
        """Until it ends, for whatever reason."""
        self._go_on = None
        address = self._chance.choice(list(self._addresses))
        async with asyncio.timeout(CONNECT_S):
            where = address + PATH + (f"?{RETURNING}" if self._token else "")
            socket = await client.ws_connect(where, heartbeat=PING_S, max_msg_size=2**24)
        try:
            await socket.send_str(encode(self._opening()).decode())
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(self._send(socket))
                await self._receive(socket)
                sending.cancel()
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await socket.close()

    def _opening(self) -> StartRequest | ResumeRequest:
        if not self._token:
            return self.start
        self.heard.returns += 1
        heard = [SpeechHeard(utterance=u, target=t, chunks=count) for (u, t), count in self._open.items()]
        return ResumeRequest(session=self.heard.session, token=self._token, n=self._n, heard=heard)

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """What has been said from `_go_on` on, as it is said, then the close."""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            while self._go_on is None or self._go_on < len(self._pieces):
                self._stir.clear()
                while self._go_on is not None and self._go_on < self._said:
                    number, self._go_on = self._go_on, self._go_on + 1
                    await socket.send_bytes(struct.pack("<I", number) + self._pieces[number])
                if self._go_on is None or self._go_on < len(self._pieces):
                    await self._stir.wait()
            await socket.send_str(encode(CloseRequest()).decode())

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while not self.heard.closed:
            try:
                message = await socket.receive(timeout=SILENCE_S)
            except TimeoutError:
                return
            if message.type is aiohttp.WSMsgType.TEXT:
                self._told(_decoder.decode(message.data))
            elif message.type is aiohttp.WSMsgType.BINARY:
                self._frame(message.data)
            else:
                return

    # --- what is told ---

    def _told(self, event: Any) -> None:
        match event:
            case AudioAck(chunk=chunk):
                self._acked = max(self._acked, chunk)
                return
            case TranscriptPartial(utterance=utterance, committed=committed):
                before = self._committed.get(utterance, "")
                if not committed.startswith(before):
                    self._fault(f"utterance {utterance}: {committed!r} was committed after {before!r}")
                self._committed[utterance] = committed
                return
            case ErrorTold(n=0, code=code):
                if code == UNKNOWN:
                    self._fault(f"the session is refused as unknown after event {self._n}")
                    self.heard.closed = True
                return
            case ClientEvent(n=0):
                return
        if event.n != self._n + 1:
            self._fault(f"event {event.n} came after event {self._n}: {type(event).__name__}")
            if event.n <= self._n:
                return
        self._n = event.n
        self.heard.events.append((time.monotonic(), event))
        match event:
            case TranscriptFinal(utterance=utterance, text=text, corrected=corrected):
                if not (corrected or text.startswith(self._committed.get(utterance, ""))):
                    self._fault(f"utterance {utterance}: a silent correction of what was committed")
            case SessionReady():
                self.heard.session, self._token = event.session, event.token
                self._go_on = event.next_chunk
                self.opened.set()
            case SessionResumed(next_chunk=chunk):
                if chunk <= self._acked:
                    self._fault(f"chunk {chunk} is asked for, and {self._acked} was acknowledged")
                self._go_on = chunk
            case SpeechBegan(utterance=utterance, target=target):
                self._open[utterance, target] = 0
            case SpeechFinished(utterance=utterance, target=target, chunks=chunks):
                if self._open.pop((utterance, target), -1) != chunks:
                    self._fault(f"speech {utterance} {target} ended without all of its {chunks} frames")
            case SessionClosed():
                self.heard.closed = True
        self._stir.set()

    def _frame(self, data: bytes) -> None:
        _, utterance, sequence, _, name = _frame.unpack_from(data)
        key = (utterance, name.rstrip(b"\0").decode())
        if self._open.get(key) != sequence:
            self._fault(f"speech frame {sequence} of {key} came when {self._open.get(key)} was due")
            return
        self._open[key] += 1
        self.heard.frames[key] = self.heard.frames.get(key, 0) + 1
        self.heard.samples[key] = self.heard.samples.get(key, 0) + (len(data) - _frame.size) // 2

    def _fault(self, what: str) -> None:
        self.heard.faults.append(what)
