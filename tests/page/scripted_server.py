"""A server that speaks docs/protocol.md to the page, word by word as a test dictates.

It is no imitation of the ingress: it understands no speech. It serves the page as the ingress does, checks what the
page sends (numbers without gaps, PCM in whole samples), acknowledges audio, and says what the test wants said, be it in
an order that a real server never would.

A `Session` outlives its connections. What a test tells while the page is away is kept, and told when it comes back with
the right token: to the frame, and not once more than it asks for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
from aiohttp import WSCloseCode, WSMsgType, web

from ingress.app import PAGE_HEADERS, STATIC
from ingress.downlink import ALIVE_S

PATIENCE_S = 20.0

INFO = {
    "sources": ["en", "fr", "de", "es", "zh", "ar", "ja"],
    "targets": {"en": ["*"], "de": ["en", "fr"]},
    "voices": {"en": "en_US-joe-medium"},
}

MARKS = {"session.start": "", "session.resume": "resume", "room.join": "join"}

Event = dict[str, Any]


def tone(seconds: float, frequency: float = 220.0, rate: int = 22_050) -> bytes:
    """PCM16 of a plain tone: speech, for as much as the page knows."""
    times = np.arange(round(seconds * rate)) / rate
    wave: bytes = (np.sin(2 * np.pi * frequency * times) * 12_000).astype("<i2").tobytes()
    return wave


class Session:
    """What the server has of a session: its audio by chunks, and all that it told (events by number, frames)."""

    def __init__(self) -> None:
        self.id = f"s{secrets.token_hex(4)}"
        self.token = secrets.token_urlsafe(8)
        self.chunks: list[bytes] = []
        self.n = 0
        self._told: list[tuple[Event, str | bytes]] = []

    def keep(self, event: Event, message: str | bytes) -> None:
        """`event` is what `message` says; of a frame, its utterance, target and sequence."""
        self._told.append((event, message))

    def missed(self, n: int, heard: list[Event]) -> list[str | bytes]:
        """What a client lacks that has the events up to `n`, and of speech that has begun what is `heard`."""
        begun = {(each["utterance"], each["target"]): each["chunks"] for each in heard}
        missed = []
        for event, message in self._told:
            speech = (event.get("utterance"), event.get("target"))
            if event.get("type") == "speech.started" and event["n"] > n:
                begun[speech] = 0
            if event["n"] > n if "n" in event else event["sequence"] >= begun.get(speech, 1_000_000):
                missed.append(message)
        return missed

    def speaking(self, n: int) -> set[tuple[int, str]]:
        """The speech that has begun and not ended by event `n`."""
        events = [event for event, _ in self._told if "n" in event and event["n"] <= n]
        began, ended = (
            {(each["utterance"], each["target"]) for each in events if each["type"] == kind}
            for kind in ("speech.started", "speech.ended")
        )
        return began - ended


class Client:
    """One connection of the page. `start` is its first message."""

    def __init__(self, socket: web.WebSocketResponse, start: Event, session: Session) -> None:
        self.socket = socket
        self.start = start
        self.session = session
        self.messages: list[Event] = []
        self.over = asyncio.Event()
        self.acknowledges = True
        self._stirred = asyncio.Condition()

    @property
    def next_chunk(self) -> int:
        return len(self.session.chunks)

    @property
    def audio(self) -> bytes:
        """All that the session has."""
        return b"".join(self.session.chunks)

    @property
    def seconds(self) -> float:
        """Of `audio`."""
        return len(self.audio) / 2 / float(self.start["sample_rate"])

    def samples(self) -> np.ndarray[Any, np.dtype[np.int16]]:
        return np.frombuffer(self.audio, "<i2")

    def said(self, kind: str) -> list[Event]:
        return [each for each in self.messages if each["type"] == kind]

    async def until(self, condition: Callable[[], Any], patience: float = PATIENCE_S) -> None:
        async with asyncio.timeout(patience), self._stirred:
            await self._stirred.wait_for(condition)

    async def hear(self) -> None:
        """Take what the page sends, until the socket is closed."""
        async for message in self.socket:
            if message.type is WSMsgType.BINARY:
                number = struct.unpack_from("<I", message.data)[0]
                assert number == self.next_chunk, f"chunk {number} where {self.next_chunk} was due"
                assert len(message.data) % 2 == 0, "half a sample"
                self.session.chunks.append(message.data[4:])
                if self.acknowledges:
                    await self.tell("audio.ack", chunk=number)
            else:
                self.messages.append(json.loads(message.data))
            async with self._stirred:
                self._stirred.notify_all()
        self.over.set()
        async with self._stirred:
            self._stirred.notify_all()

    async def beat(self) -> None:
        """Until it is over: the server is there."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ALIVE_S):
                    await self.over.wait()
                return
            with contextlib.suppress(ConnectionError):
                await self.tell("session.alive")

    async def tell(self, kind: str, **fields: Any) -> None:
        """Numbered and kept for a page that is away, unless it is live only."""
        event = {"type": kind, **fields}
        is_live = kind.startswith("room.") or kind in (
            "session.alive",
            "queue.status",
            "audio.ack",
            "transcript.partial",
            "translation.partial",
        )
        if not is_live and not (kind == "error" and "utterance" not in fields):
            self.session.n += 1
            event["n"] = self.session.n
            self.session.keep(event, json.dumps(event))
        await self._send(json.dumps(event))

    async def _send(self, message: str | bytes) -> None:
        if self.over.is_set():
            return
        if isinstance(message, str):
            await self.socket.send_str(message)
        else:
            await self.socket.send_bytes(message)

    async def open(self) -> None:
        between = self.start.get("between", [])
        await self.tell(
            "session.started", session=self.session.id, token=self.session.token, next_chunk=self.next_chunk,
            source=self.start["source"], targets=self.start.get("targets", between),
            speech=self.start.get("speech", False), between=between,
        )  # fmt: skip

    async def join(self, member: str, at: float, *others: Event) -> None:
        """Let the page into its room, with the others as they are."""
        room = self.start["room"]
        me = {"member": member, "name": room["name"], "language": room["language"], "source": "auto"}
        number = 0 if self.start["type"] == "room.join" else 99
        await self.tell("room.joined", room="K7MQ3RTX", member=member, at=at, token="pass")
        await self.tell("room.members", members=[me | {"number": number, "targets": [], "state": "here"}, *others])

    async def say(self, speaker: str, at: float, kind: str, **fields: Any) -> None:
        """What another member of the room says."""
        await self.tell("room.said", speaker=speaker, at=at, event={"type": kind, **fields})

    async def resume(self) -> None:
        """Tell what the page missed, and that the session goes on."""
        await self.catch_up()
        await self.tell("session.resumed", next_chunk=self.next_chunk, samples=round(self.seconds * 16_000))

    async def catch_up(self) -> None:
        for message in self.session.missed(self.start["n"], self.start["heard"]):
            await self._send(message)

    async def transcribe(
        self, utterance: int, text: str, language: str = "fr", start: float = 0, end: float = 0
    ) -> None:
        await self.tell(
            "transcript.final", utterance=utterance, text=text, language=language, start=start, end=end or start + 1
        )

    async def translate(self, utterance: int, text: str, target: str = "en") -> None:
        await self.tell("translation.final", utterance=utterance, target=target, text=text)

    async def frame(
        self, utterance: int, sequence: int, pcm: bytes, target: str = "en", rate: int = 22_050, speaker: int = 0
    ) -> None:
        head = struct.pack("<BB2xIII16s", 1, speaker, utterance, sequence, rate, target.encode())
        if not speaker:
            self.session.keep({"utterance": utterance, "target": target, "sequence": sequence}, head + pcm)
        await self._send(head + pcm)

    async def speak(self, utterance: int, pcm: bytes, target: str = "en", rate: int = 22_050, frames: int = 4) -> None:
        """All of one utterance's speech."""
        await self.tell("speech.started", utterance=utterance, target=target, sample_rate=rate)
        size = -(-len(pcm) // 2 // frames) * 2
        pieces = [pcm[at : at + size] for at in range(0, len(pcm), size)]
        for sequence, piece in enumerate(pieces):
            await self.frame(utterance, sequence, piece, target, rate)
        await self.tell(
            "speech.ended", utterance=utterance, target=target, seconds=len(pcm) / 2 / rate, chunks=len(pieces)
        )

    async def finish(self, utterances: int = 0) -> None:
        await self.tell("session.closed", reason="client", utterances=utterances)
        await self.socket.close(code=WSCloseCode.OK)

    async def refuse(self, close: int, code: str, message: str = "") -> None:
        await self.tell("error", code=code, message=message or code, retryable=close in (1012, 1013))
        await self.socket.close(code=close)

    async def drop(self) -> None:
        """Let the connection go without a close frame, as a dying server does."""
        transport = self.socket._req.transport if self.socket._req else None
        if transport is not None:
            transport.abort()
        await self.over.wait()


class ScriptedServer:
    def __init__(self) -> None:
        self.info: Event = INFO
        self.transcripts: dict[str, str] = {}
        """What is kept of any session, by the query."""
        self.retry_after = 0
        """Seconds; over 0: nobody new is let in."""
        self.port = 0
        self.failures: list[BaseException] = []
        self.sessions: dict[str, Session] = {}
        self._clients: asyncio.Queue[Client] = asyncio.Queue()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def client(self) -> Client:
        """The next connection of the page, its opening message read and not yet answered."""
        return await asyncio.wait_for(self._clients.get(), PATIENCE_S)

    async def session(self) -> Client:
        """The next connection, its session opened."""
        client = await self.client()
        assert client.start["type"] == "session.start"
        await client.open()
        return client

    async def returned(self) -> Client:
        """The next connection, which comes back to its session, and the session going on."""
        client = await self.client()
        assert client.start["type"] == "session.resume"
        await client.resume()
        return client

    async def start(self) -> None:
        """Listen; the second time on the same port as before."""
        app = web.Application(middlewares=[self._guarded])
        app.router.add_get("/", self._page)
        app.router.add_get("/blank", self._blank)
        app.router.add_get("/v1/info", self._info)
        app.router.add_get("/v1/sessions/{id}/transcript", self._transcript)
        app.router.add_get("/v1/stream", self._stream)
        app.router.add_post("/v1/rooms", self._room)
        app.router.add_static("/static", STATIC)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        if not response.prepared:
            response.headers.update(PAGE_HEADERS)
        return response

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _blank(self, request: web.Request) -> web.StreamResponse:
        """A document of the same origin that is not the page."""
        return web.Response(text='<link rel="icon" href="/static/icon.svg">', content_type="text/html")

    async def _info(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.info)

    async def _transcript(self, request: web.Request) -> web.StreamResponse:
        text = self.transcripts.get(request.query_string)
        return web.Response(status=404) if text is None else web.Response(text=text)

    async def _room(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"room": "K7MQ3RTX"}, status=201)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self.retry_after and not request.query_string:
            told = {"error": {"message": "full", "type": "server_error", "code": "full", "param": None}}
            return web.json_response(told, status=503, headers={"Retry-After": str(self.retry_after)})
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        client = None
        try:
            client = self._admit(socket, await socket.receive_json())
            assert request.query_string == MARKS[client.start["type"]], "who is not new says so"
            self._clients.put_nowait(client)
            async with asyncio.TaskGroup() as group:
                group.create_task(client.beat())
                await client.hear()
        except* AssertionError as wrong:
            self.failures += wrong.exceptions
            raise
        finally:
            if client is not None:
                client.over.set()
        return socket

    def _admit(self, socket: web.WebSocketResponse, start: Event) -> Client:
        """A client that comes back must know its token, and say truly what it has."""
        if start["type"] in ("session.start", "room.join"):
            session = Session()
            self.sessions[session.id] = session
            return Client(socket, start, session)
        session = self.sessions[start["session"]]
        assert start["token"] == session.token, "another token"
        assert 1 <= start["n"] <= session.n, "events that were never told"
        heard = {(each["utterance"], each["target"]) for each in start["heard"]}
        assert heard == session.speaking(start["n"]), "what has begun and not ended"
        return Client(socket, start, session)


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
    if server.failures:
        raise server.failures[0]
