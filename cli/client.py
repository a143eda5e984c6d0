"""The streaming protocol (docs/protocol.md) from the client's side, for the command line and for other programs.

    async with connect("ws://127.0.0.1:8080", StartRequest(source="fr", targets=["en"])) as session:
        await session.send(pcm)              # PCM16 mono at the rate of the StartRequest, any number of times
        await session.close()
        async for event in session.events():
            ...                              # cli.events.Event: structs of wire.protocol, SpeechFrame, UnknownEvent

Sending and reading may go on at the same time in two tasks, and should: a client that does not read is cut off.
`connect` returns when the server has said `session.started`, which may take a while where there is a line to wait in;
what it says instead is raised as Refused.

A session outlives its connection. Where that breaks, `events` says Interrupted and comes back, to the next of several
addresses in turn, for a minute; once it is back it says Returned. Nothing is lost and nothing comes twice: audio stays
in the `cli.backlog` until the server has it, and the server is told what was heard. Meanwhile `send` keeps 30 seconds
of audio before it waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from typing import NoReturn

import msgspec

from cli import link, opening
from cli.backlog import Backlog
from cli.events import Event, Interrupted, Returned
from cli.hearing import Hearing
from cli.link import ConnectionLost, Link, Refused, endpoint
from cli.opening import Told
from wire.errors import DragomanError
from wire.messages import encode
from wire.protocol import (
    AudioAck,
    CloseRequest,
    ErrorTold,
    FinalizeRequest,
    ResumeRequest,
    SessionAlive,
    SessionClosed,
    SessionReady,
    SessionResumed,
    StartRequest,
)

__all__ = ["ConnectionLost", "Refused", "Session", "connect", "endpoint"]

SILENCE_PATIENCE_S = 90.0
"""A server that says nothing at all for so long has gone away. Longer than any utterance may take."""

RETURN_PATIENCE_S = 60.0
ATTEMPT_S = 8.0
BACK_OFF_S, MAX_BACK_OFF_S = 0.2, 5.0
AT_ONCE = 1012
FINAL = frozenset({1002, 1003, 1007, 1008, 1009, 1010, 4400, 4404, 4408})
"""Close codes after which coming back is of no use, or not wanted; but see REPLACED."""
REPLACED = "replaced"
"""Nobody else knows this session's token: it was an earlier attempt of ours, that was slow."""


class Session:
    """An open session. Made by `connect`."""

    def __init__(
        self, addresses: Sequence[str], key: str, start: StartRequest, connection: Link, started: SessionReady
    ) -> None:
        self.started = msgspec.structs.replace(started, token="")
        self._token = started.token
        self._addresses = list(addresses)  # the first is the one in use
        self._key = key
        self._sample_rate = start.sample_rate
        self._link = connection
        self._backlog = Backlog(started.next_chunk, start.sample_rate)
        self._hearing = Hearing()
        self._hearing.take(started)
        self._closing = self._said_close = False
        self._told = ""  # the code of the last error about the connection
        self._lost_at: float | None = None
        self._attempts = 0
        self._failure: DragomanError | None = None
        self._room = asyncio.Event()
        self._catching_up: asyncio.Task[None] | None = None

    @property
    def next_chunk(self) -> int:
        """The number of the chunk that is sent next."""
        return self._backlog.next_chunk

    async def end(self) -> None:
        """Let go of the connection."""
        if self._catching_up is not None:
            self._catching_up.cancel()
        await self._link.leave()

    # --- sending ---

    async def send(self, pcm: bytes) -> None:
        """One chunk of audio. Waits where the server takes it more slowly, but not while the connection is away.

        Raises ConnectionLost when it is lost for good.
        """
        while self._backlog.full and self._failure is None:
            self._room.clear()
            await self._room.wait()
        self._backlog.add(pcm)
        await self._flush(self._link)

    async def finalize(self) -> None:
        """End the running utterance now. Raises ConnectionLost."""
        self._backlog.say(encode(FinalizeRequest()).decode())
        await self._flush(self._link)

    async def close(self) -> None:
        """No more audio. Events go on until `session.closed`. Raises ConnectionLost."""
        self._closing = True
        await self._flush(self._link)

    async def _flush(self, connection: Link) -> None:
        """Send what is to be sent, unless somebody is at it. While the connection is away, everything stays."""
        if self._failure is not None:
            raise self._failure
        if connection.busy or self._lost_at is not None:
            return
        connection.busy = True
        try:
            while connection is self._link:
                message = self._backlog.take()
                if message is None and self._closing and not self._said_close:
                    message, self._said_close = encode(CloseRequest()).decode(), True
                if message is None:
                    break
                await connection.put(message)
        except ConnectionLost:
            if not self._token:
                raise  # otherwise who reads learns of it, and comes back
        finally:
            connection.busy = False

    # --- hearing ---

    async def events(self) -> AsyncIterator[Event]:
        """All that comes, `session.closed` included, then ends.

        Raises ConnectionLost where the connection ends before, and there is no coming back, and ProtocolViolation where
        the server says what docs/protocol.md does not allow.
        """
        while True:
            try:
                event = await self._link.receive(SILENCE_PATIENCE_S if self._lost_at is None else ATTEMPT_S)
            except ConnectionLost as error:
                if self._lost_at is None and self._may_return(error):
                    self._lost_at = asyncio.get_running_loop().time()
                    yield Interrupted()
                await self._come_back(error)
                continue
            if isinstance(event, SessionAlive) or not self._hearing.take(event):
                continue
            self._learn(event)
            yield event
            if isinstance(event, SessionResumed) and self._resumed(event):
                yield Returned(n=self._hearing.n)
            elif isinstance(event, SessionClosed):
                return

    def _learn(self, event: Event) -> None:
        match event:
            case AudioAck(chunk=chunk):
                self._backlog.acknowledge(chunk)
                self._room.set()
            case ErrorTold(utterance=None):
                self._told = event.code

    def _resumed(self, event: SessionResumed) -> bool:
        """The server goes on at `next_chunk`. Returns whether that ends an interruption."""
        if self._lost_at is None:
            self._backlog.skip(event.next_chunk)
            return False
        self._backlog.go_back(event.next_chunk)
        self._lost_at, self._attempts, self._said_close, self._told = None, 0, False, ""
        self._room.set()
        self._catching_up = asyncio.create_task(self._flush(self._link), name="client-catches-up")
        return True

    # --- coming back ---

    def _may_return(self, error: ConnectionLost) -> bool:
        return bool(self._token) and (error.close not in FINAL or self._told == REPLACED)

    async def _come_back(self, error: ConnectionLost) -> None:
        """Open another connection and ask for the session; the answer is among the events. Raises ConnectionLost."""
        await self._link.abandon()
        at_once = error.close == AT_ONCE
        while True:
            if not self._may_return(error) or self._lost_at is None:
                self._fail(error)
            if asyncio.get_running_loop().time() - self._lost_at > RETURN_PATIENCE_S:
                self._fail(ConnectionLost(f"the connection could not be restored in {RETURN_PATIENCE_S:g} s: {error}"))
            if not at_once:
                longest = min(MAX_BACK_OFF_S, BACK_OFF_S * 2**self._attempts)
                await asyncio.sleep(random.uniform(longest / 2, longest))
            at_once = False
            self._attempts += 1
            self._told = ""
            self._addresses.append(self._addresses.pop(0))
            try:
                async with asyncio.timeout(ATTEMPT_S):
                    self._link = await link.opened(self._addresses[0], self._key, link.RETURNING)
                    await self._link.put(encode(self._request()).decode())
                return
            except (Refused, ConnectionLost, TimeoutError) as failure:
                error = ConnectionLost(str(failure) or f"{self._addresses[0]} does not answer")
                await self._link.abandon()

    def _request(self) -> ResumeRequest:
        return ResumeRequest(
            session=self.started.session,
            token=self._token,
            n=self._hearing.n,
            sample_rate=self._sample_rate,
            heard=self._hearing.speech,
        )

    def _fail(self, error: ConnectionLost) -> NoReturn:
        self._failure = error
        self._room.set()
        raise error


def _nobody(event: Event) -> None:
    """Nobody wants to know."""


@contextlib.asynccontextmanager
async def connect(
    urls: str | Sequence[str], start: StartRequest, key: str = "", told: Told = _nobody
) -> AsyncIterator[Session]:
    """Open a session at the first of `urls` where that succeeds (ws, wss, http or https; the path is added where there
    is none). `key`: an API key, where they ask for one. `told` hears of the place in line, while there is no room.
    Raises Refused: what the last of them said."""
    addresses, connection, ready = await opening.opened([urls] if isinstance(urls, str) else urls, start, key, told)
    session = Session(addresses, key, start, connection, ready)
    try:
        yield session
    finally:
        await session.end()
