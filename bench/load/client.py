"""One client that opens a session, speaks in real time or holds its peace, and writes down what it is told.

It is a state machine that the wheel beats and the socket tells things; its only task waits for the end of a
connection. A client that comes back (docs/protocol.md) asks for what it has missed, and sends again what the server has
not got: the microphone goes on in real time whatever happens to the connection.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import ssl
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bench.load import websocket
from bench.load.plan import CHUNK_S, Final, Plan, Told, Visit
from bench.load.websocket import Socket
from bench.load.wheel import SLOTS, Wheel
from cli.link import RETURNING
from wire.messages import encode
from wire.protocol import (
    AnyClientEvent,
    AudioAck,
    ClientEvent,
    CloseRequest,
    ErrorTold,
    QueueStatus,
    ResumeRequest,
    SessionAlive,
    SessionClosed,
    SessionReady,
    SessionResumed,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
    UtteranceEmpty,
)

BACK_OFF_S, MAX_BACK_OFF_S = 0.2, 5.0
CONNECT_S = 20.0
TRY_AGAIN = 503
LOOK_EVERY = round(0.5 / CHUNK_S)

_decoder = msgspec.json.Decoder(AnyClientEvent)
_refusal = msgspec.json.Decoder(dict[str, Any])
CLOSING = encode(CloseRequest()).decode()


class Client:
    """`chunks` of CHUNK_S each; none for a client that holds its peace, and stays until `leave` is called."""

    def __init__(self, plan: Plan, place: int, script: int, chunks: Sequence[bytes], wheel: Wheel) -> None:
        self.told = Told(place=place, script=script)
        self._plan = plan
        self._wheel = wheel
        self._chunks = chunks
        self._head = websocket.audio_head(chunks[0]) if chunks else b""
        self._speaks = bool(chunks)
        self._socket: Socket | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._session, self._token, self._n = "", "", 0
        self._go_on: int | None = None  # the chunk to be sent next; None: not now
        self._said = 0  # chunks that the microphone has given
        self._closed_at = 0.0
        self._beats = 0
        self._heard_at = 0.0
        self.lags: list[float] = []
        """Of finals, since somebody took them away."""

    # --- from the first attempt to the end ---

    @property
    def state(self) -> str:
        """A field of Pulse."""
        if self.told.closed or self.told.ended:
            return "refused" if self.told.ended.startswith("refused") else "over"
        visit = self.told.visits[-1] if self.told.visits else None
        if visit is None or not visit.answer or visit.left:
            return "outside"
        return "line" if visit.answer == "line" and not visit.let_in else "inside"

    async def run(self) -> None:
        """Until its session is closed, it was refused, or it gave up."""
        back_off, chance = BACK_OFF_S, random.Random(self.told.place)
        addresses = itertools.cycle(self._plan.addresses)
        for _ in range(self.told.place % len(self._plan.addresses)):
            next(addresses)
        self.told.visits.append(Visit(asked=time.monotonic()))
        self._wheel.enter(self.told.place, self._beat)
        try:
            while not (self.told.closed or self.told.ended):
                visit = self.told.visits[-1]
                visit.attempts += 1
                visit.tried = visit.tried or time.monotonic()
                if await self._connect(next(addresses)):
                    await self._gone
                    self._socket, self._go_on = None, None
                elif not self._plan.comes_back:
                    self.end("unreachable")
                if self.told.closed or self.told.ended:
                    return
                if visit.answered:  # it was in, or in line: somebody will be there
                    visit.left = time.monotonic()
                    self.told.visits.append(Visit(asked=visit.left))
                    back_off = BACK_OFF_S
                    continue
                await asyncio.sleep(chance.uniform(back_off / 2, back_off))
                back_off = min(MAX_BACK_OFF_S, 2 * back_off)
        finally:
            self._wheel.leave(self.told.place)
            self._hang_up()

    def leave(self) -> None:
        """That was all."""
        self.end("left")

    def end(self, how: str) -> None:
        """The first reason counts."""
        if not (self.told.closed or self.told.ended):
            self.told.ended = how
        self._hang_up()

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if not self._gone.done():
            self._gone.set_result(None)

    async def _connect(self, address: str) -> bool:
        """Whether somebody is there."""
        parts = urlsplit(address)
        secured = ssl.create_default_context() if parts.scheme == "https" else None
        port = parts.port or (443 if secured else 80)
        loop = asyncio.get_running_loop()
        self._gone = loop.create_future()
        where = f"{address}?{RETURNING}" if self._token else address
        self._socket = socket = Socket(self, websocket.greeting(where, self._plan.key))
        self._heard_at = time.monotonic()
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.create_connection(lambda: socket, parts.hostname or "", port, ssl=secured)
        except TimeoutError:
            self._socket = None
            return False
        except OSError:  # nobody is there: the next attempt is another one
            self._socket, self.told.visits[-1].tried = None, 0.0
            return False
        return True

    # --- what the socket tells ---

    def opened(self) -> None:
        assert self._socket is not None
        self.told.visits[-1].connected = time.monotonic()
        opening = self._plan.opening
        if self._token:
            opening = encode(ResumeRequest(session=self._session, token=self._token, n=self._n)).decode()
        self._socket.send(opening)

    def denied(self, status: int, body: bytes) -> None:
        code = ""
        try:
            error = _refusal.decode(body).get("error")
            code = str(error.get("code", "")) if isinstance(error, dict) else ""
        except msgspec.DecodeError:
            pass
        if self._token and status == TRY_AGAIN:
            self.told.visits[-1].tried = 0.0  # it has a session here, and will be let in again
            return
        self._refused(f"HTTP {status} {code}".rstrip())

    def lost(self, code: int) -> None:
        if not (self.told.closed or self.told.ended or self._plan.comes_back):
            self.told.ended = f"closed with {code}"
        if not self._gone.done():
            self._gone.set_result(None)

    def binary(self, data: bytes) -> None:
        self._noted(time.monotonic())

    def text(self, data: bytes) -> None:
        now = time.monotonic()
        self._noted(now)
        try:
            event: ClientEvent = _decoder.decode(data)
        except msgspec.ValidationError:  # of a newer server: to be ignored
            return
        if event.n:
            if event.n != self._n + 1:
                self.told.faults.append(f"event {event.n} came after event {self._n}")
                if event.n <= self._n:
                    return
            self._n = event.n
        self._take(event, now)

    def _noted(self, now: float) -> None:
        visit = self.told.visits[-1]
        if visit.answered:
            visit.silence = max(visit.silence, now - self._heard_at)
        self._heard_at = now

    def _take(self, event: ClientEvent, now: float) -> None:
        told = self.told
        match event:
            case AudioAck() | SessionAlive():
                return
            case TranscriptPartial():
                if not told.first_text and (event.committed or event.tentative):
                    told.first_text = now
            case TranscriptFinal():
                told.first_text = told.first_text or now
                self.lags.append(now - told.began - event.end)
                told.finals.append(Final(now, event.utterance, "", event.text, event.start, event.end))
            case TranslationFinal():
                told.finals.append(Final(now, event.utterance, event.target, event.text))
            case UtteranceEmpty():
                told.empty.append(event.utterance)
            case QueueStatus():
                self._answered("line", now)
                told.visits[-1].position = told.visits[-1].position or event.position
            case SessionReady():
                self._answered("started", now)
                self._session, self._token = event.session, event.token
                self._begin(event.next_chunk)
            case SessionResumed():
                self._answered("started", now)
                self._go_on = event.next_chunk if self._speaks else None
            case ErrorTold(utterance=None):
                if not told.visits[-1].let_in:
                    self._refused(event.code)
                elif not self._plan.comes_back:
                    self.end(f"error {event.code}")
            case ErrorTold():
                told.errors.append(event.code)
            case SessionClosed():
                told.closed = True
                self._hang_up()

    def _answered(self, answer: Any, now: float) -> None:
        visit = self.told.visits[-1]
        if not visit.answered:
            visit.answered, visit.answer = now, answer
        if answer == "started" and not visit.let_in:
            visit.let_in = now

    def _refused(self, reason: str) -> None:
        visit, now = self.told.visits[-1], time.monotonic()
        if not visit.answered:
            visit.answered, visit.answer = now, "refused"
        visit.reason = reason
        self.end(f"refused: {reason}")

    # --- the microphone ---

    def _begin(self, next_chunk: int) -> None:
        if not self._speaks:
            return
        self._go_on = next_chunk
        self._wheel.leave(self.told.place)
        self.told.began = self._wheel.enter(self.told.place, self._beat) - CHUNK_S

    def _beat(self, due: float) -> None:
        """Every CHUNK_S."""
        if self.told.began and self._said < len(self._chunks):
            self._said += 1
        if self._go_on is not None and self._socket is not None:
            self._speak(due)
        self._beats += 1
        if (self._beats + self.told.place % SLOTS) % LOOK_EVERY == 0:
            self._look(due)

    def _speak(self, due: float) -> None:
        assert self._socket is not None
        assert self._go_on is not None
        while self._go_on < self._said:
            self._socket.audio(self._head, self._go_on, self._chunks[self._go_on])
            self._go_on += 1
        if self._go_on == len(self._chunks):
            self._go_on = None
            self._socket.send(CLOSING)
            self._closed_at = self._closed_at or due
            self.told.said = self._closed_at

    def _look(self, now: float) -> None:
        """Who waits in vain gives up."""
        plan, visit = self._plan, self.told.visits[-1]
        if visit.answered:
            visit.silence = max(visit.silence, now - self._heard_at)
        if not visit.answered and now - visit.asked > plan.answer_s:
            self.end("never answered")
        elif visit.answer == "line" and not visit.let_in and now - visit.answered > plan.line_s:
            self.end("still in line")
        elif self._closed_at and now - self._closed_at > plan.closing_s:
            self.end("timed out after its close")
