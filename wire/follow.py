"""An ordered read of one stream that outlives whatever happens to the server: `wire.bus.Bus.follow`.

A JetStream consumer that pushes messages in order is cheap (20-36 thousand a second), but an ephemeral thing: it does
not survive a restart of the server, can be deleted by an operator, and can fall silent without a word. A follower
remembers the last sequence that it has seen and makes the consumer anew from there

- after each reconnect,
- when it was silent for a while although the stream holds more, or was deleted and made anew,

and drops what comes twice. Flow control bounds what waits in memory: the server sends no more than about 32 MB ahead.
nats-py calls receivers inside a task of its own and drops what they raise; here the follower ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import nats.js.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from wire import declare
from wire.connection import FAILURES, cancellable
from wire.log import get

log = get(__name__)

CHECK_S = 2.0
RETRY_S = 0.2
GRACE_S = 0.5
PENDING_MESSAGES = 500_000
PENDING_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message as it stands in a stream. `time` is the server's stamp, seconds since the epoch. Plain messages that
    no stream delivered have sequence 0 and time 0."""

    subject: str
    data: bytes
    sequence: int = 0
    time: float = 0.0


class Receiver(Protocol):
    def __call__(self, message: Delivered, /) -> None: ...


class Follower:
    def __init__(self, js: JetStreamContext, stream: str, subject: str, after: int, receive: Receiver) -> None:
        self._js = js
        self._stream = stream
        self._subject = subject
        self._receive = receive
        self._seen = after
        self._born: datetime.datetime | None = None
        self._failure: Exception | None = None
        self._stirred = asyncio.Event()
        self._over = False

    def begin_anew(self) -> None:
        """The connection was away: the consumer is not to be trusted."""
        self._stirred.set()

    async def run(self, check: float, declare_again: Callable[[], Awaitable[None]]) -> None:
        """For ever, or until `receive` raises."""
        try:
            await self._run(check, declare_again)
        finally:
            self._over = True

    async def _run(self, check: float, declare_again: Callable[[], Awaitable[None]]) -> None:
        while self._failure is None:
            self._stirred.clear()
            try:
                with cancellable():
                    await self._look_back()
                subscription = await self._subscribe()
            except FAILURES as error:
                if isinstance(error, nats.js.errors.NotFoundError):
                    await declare_again()
                await asyncio.sleep(RETRY_S)
                continue
            try:
                await self._until_silent(check)
            finally:
                await _end(subscription)
        raise self._failure

    async def _look_back(self) -> None:
        """A stream that was made anew begins at 1; one that lost its newest messages will use their numbers again."""
        info = await self._js.stream_info(self._stream)
        held = info.state.last_seq if self._born in (None, info.created) else 0
        if held < self._seen:
            log.warning("a stream lost what it held", stream=self._stream, seen=self._seen, held=held)
        self._seen, self._born = min(self._seen, held), info.created

    async def _subscribe(self) -> Any:
        """Whoever is cancelled meanwhile leaves nothing behind: what was asked for is awaited, and ended."""
        making = asyncio.ensure_future(
            self._js.subscribe(
                self._subject,
                stream=self._stream,
                cb=self._call,
                ordered_consumer=True,
                config=declare.reader(after=self._seen),
                pending_msgs_limit=PENDING_MESSAGES,
                pending_bytes_limit=PENDING_BYTES,
            )
        )
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            with contextlib.suppress(*FAILURES):
                await _end(await making)
            raise

    async def _call(self, message: Msg) -> None:
        sequence, stamp = position(message.reply)
        if sequence <= self._seen or self._failure is not None or self._over:
            return
        try:
            self._receive(Delivered(message.subject, message.data, sequence, stamp))
            self._seen = sequence
        except Exception as error:  # noqa: BLE001  # raised by `run`
            self._failure = error
            self._stirred.set()

    async def _until_silent(self, check: float) -> None:
        """Until the consumer must be made anew."""
        while True:
            before = self._seen
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(check):
                    await self._stirred.wait()
                return
            if self._seen == before and await self._holds_more(before) and self._seen == before:
                log.warning("a stream's consumer fell silent: making it anew", stream=self._stream)
                return

    async def _holds_more(self, seen: int) -> bool:
        """Or is not the stream any more that was read: whoever made it anew gave its numbers to other messages."""
        try:
            with cancellable():
                info = await self._js.stream_info(self._stream)
                if info.created != self._born or info.state.last_seq < seen:
                    return True
                if info.state.last_seq == seen:
                    return False
                await self._js.get_msg(self._stream, seen + 1, subject=self._subject, next=True)
        except FAILURES:
            return False
        await asyncio.sleep(GRACE_S)  # it may be on its way
        return True


async def _end(subscription: Any) -> None:
    """nats-py's own watch over it first: it might subscribe anew what is being ended, and nobody would end that."""
    watch = subscription._sub._jsi
    for task in (watch._hbtask, watch._fctask):
        if task is not None:
            task.cancel()
    with contextlib.suppress(*FAILURES), cancellable():
        await subscription.unsubscribe()


def position(reply: str) -> tuple[int, float]:
    """(stream sequence, stamp in seconds) from the reply subject of a delivered message.

    `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<n>.<nanoseconds>.<pending>`, with two more tokens in front
    where the server knows domains (https://github.com/nats-io/nats-architecture-and-design, ADR-15).
    """
    tokens = reply.split(".")
    at = 5 if len(tokens) == 9 else 7
    return int(tokens[at]), int(tokens[at + 2]) / 1e9
