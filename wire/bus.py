"""The one door to NATS: what Dragoman needs of it, with nats-py's sharp edges filed off.

Nobody else talks to nats (wire/declare.py spells its configuration). Four ways to move a message:

    publish   core NATS, at most once        live captions, audio chunks (the actor's ack tells what arrived)
    store     JetStream, acknowledged        events, jobs, results: sent again under the same id until stored
    follow    an ordered read of a stream    the actor's mailbox: from a sequence on, for ever, in order
    take      one message of a work queue    jobs: acknowledged, marked as in progress, given back

KV buckets are streams too: `wire.kv.Bucket` is made of `store`, `last` and `read`. What is mended here:

- nats-py gives up after 60 reconnects and pings every 2 minutes: here it reconnects for ever and pings every 5 s.
- An ordered consumer does not survive a server restart, and can be lost without a word: `follow` makes it anew after
  each reconnect and whenever the stream holds more than was seen.
- A read loop can die while `is_connected` stays true: `watch` flushes now and then, and reconnects if that fails.
- `error_cb` runs inside the read loop: it only counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import api

from wire import declare
from wire.errors import NatsUnavailable, QueueFull, Stale
from wire.log import get
from wire.messages import Message, encode

log = get(__name__)

WRONG_LAST_SEQUENCE = 10071
STREAM_EXISTS = 10058
STREAM_FULL = 10077
STORE_PATIENCE_S = 12.0
FOLLOW_CHECK_S = 2.0
WATCH_S = 5.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message as it stands in a stream. `time` is the server's stamp, seconds since the epoch. Plain messages that
    no stream delivered have sequence 0 and time 0."""

    subject: str
    data: bytes
    sequence: int = 0
    time: float = 0.0


@dataclass(frozen=True, slots=True)
class Stored:
    """`duplicate`: the stream held a message of this id already."""

    sequence: int
    duplicate: bool


class Receiver(Protocol):
    def __call__(self, message: Delivered, /) -> None: ...


class Taken:
    """A job in hand. Exactly one of `ack`, `give_back` and `give_up` ends it."""

    def __init__(self, message: Msg) -> None:
        self._message = message
        self.data = message.data
        self.deliveries = message.metadata.num_delivered or 1

    async def progress(self) -> None:
        """Start the queue's patience (topology.ACK_WAIT_S) anew."""
        await self._message.in_progress()

    async def ack(self) -> None:
        """The work is done and stored. Waits until the server knows."""
        with contextlib.suppress(nats.errors.TimeoutError):
            await self._message.ack_sync(timeout=2)

    async def give_back(self, delay: float = 0) -> None:
        """Let another try, after `delay` seconds."""
        await self._message.nak(delay=delay or None)

    async def give_up(self) -> None:
        """Never deliver it again."""
        await self._message.term()


class Bus:
    """One connection. Make it with `async with Bus.connect(…) as bus:`."""

    def __init__(self, client: Client, name: str) -> None:
        self._nc = client
        self._js = client.jetstream(timeout=5)
        self.name = name
        self.reconnects = 0
        self.errors = 0
        self.on_reconnect: list[Callable[[], None]] = []
        self._queues: dict[tuple[str, str], Any] = {}
        self._up = asyncio.Event()
        self._up.set()

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, url: str, name: str, *, patience: float = 10.0) -> AsyncIterator[Bus]:
        """Connect within `patience` seconds, or raise NatsUnavailable that names the address."""
        client = Client()
        bus = cls(client, name)
        try:
            async with asyncio.timeout(patience):
                await client.connect(  # tries again by itself, for ever
                    servers=[each.strip() for each in url.split(",")],
                    name=f"dragoman-{name}",
                    connect_timeout=2,
                    reconnect_time_wait=0.25,  # type: ignore[arg-type]  # it is slept for: fractions work
                    max_reconnect_attempts=-1,
                    ping_interval=5,
                    max_outstanding_pings=2,
                    pending_size=32 * 1024 * 1024,
                    error_cb=bus._on_error,
                    disconnected_cb=bus._on_disconnect,
                    reconnected_cb=bus._on_reconnect,
                )
        except (OSError, nats.errors.Error, ValueError) as error:
            with contextlib.suppress(nats.errors.Error, OSError):
                await client.close()
            raise NatsUnavailable(f"no NATS server answers at {url}: start one, or give --nats-url") from error
        watcher = asyncio.create_task(bus._watch(), name="bus-watch")
        try:
            yield bus
        finally:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
            with contextlib.suppress(nats.errors.Error, asyncio.TimeoutError, OSError):
                if client.is_connected:
                    await client.flush(timeout=1)
            with contextlib.suppress(nats.errors.Error, asyncio.TimeoutError, OSError):
                await asyncio.wait_for(client.close(), 2)

    # --- state ---

    @property
    def connected(self) -> bool:
        return self._up.is_set() and self._nc.is_connected

    @property
    def max_payload(self) -> int:
        """Bytes that the server takes in one message."""
        return self._nc.max_payload

    @property
    def server_version(self) -> str:
        return str(self._nc.connected_server_version)

    async def _on_error(self, error: Exception) -> None:
        self.errors += 1

    async def _on_disconnect(self) -> None:
        if self._up.is_set():
            self._up.clear()
            log.warning("NATS connection lost")

    async def _on_reconnect(self) -> None:
        self.reconnects += 1
        self._up.set()
        log.info("NATS connection is back", reconnects=self.reconnects)
        for each in self.on_reconnect:
            each()

    async def _watch(self) -> None:
        """Notice a read loop that died behind a connection that claims to stand."""
        while True:
            await asyncio.sleep(WATCH_S)
            if not self._nc.is_connected:
                continue
            try:
                await self._nc.flush(timeout=4)
            except (TimeoutError, nats.errors.Error, OSError):
                if self._nc.is_connected:
                    log.warning("NATS does not answer: reconnecting")
                    with contextlib.suppress(nats.errors.Error, OSError):
                        await self._nc._process_op_err(nats.errors.StaleConnectionError())

    # --- set-up ---

    async def declare(self) -> None:
        """Make the streams and buckets of wire.topology where they are missing. Any process may; all may at once."""
        for config in declare.streams():
            try:
                await self._js.add_stream(config)
            except nats.js.errors.BadRequestError as error:
                if error.err_code != STREAM_EXISTS:  # with another configuration: bring it up to date
                    raise
                await self._js.update_stream(config)

    async def declare_queue(self, stream: str, durable: str, subject: str, in_flight: int) -> None:
        """Make a work-queue consumer, or bring it up to date."""
        await self._js.add_consumer(stream, declare.queue(durable, subject, in_flight))

    async def forget_queue(self, stream: str, durable: str) -> None:
        with contextlib.suppress(nats.js.errors.NotFoundError):
            await self._js.delete_consumer(stream, durable)

    # --- send ---

    async def publish(self, subject: str, message: Message) -> None:
        """At most once. While the connection is down, it is kept in nats-py's buffer or, that full, dropped."""
        try:
            await self._nc.publish(subject, encode(message))
        except (nats.errors.OutboundBufferLimitError, nats.errors.ConnectionClosedError):
            self.errors += 1

    async def store(
        self,
        subject: str,
        message: Message | None,
        *,
        id: str = "",
        expect_last: int | None = None,
        patience: float = STORE_PATIENCE_S,
    ) -> Stored:
        """Into the stream of `subject`, once for each `id`, however often it must be sent. None deletes a KV key.

        `expect_last` is the stream sequence that the subject's last message must have (0: none).
        Raises Stale where it has another, QueueFull where its stream takes no more, NatsUnavailable where nothing stored it
        for `patience` seconds.
        """
        headers = {"Nats-Msg-Id": id} if id else {}
        if expect_last is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(expect_last)
        if message is None:
            headers["KV-Operation"] = "DEL"
        data = b"" if message is None else encode(message)
        deadline = time.monotonic() + patience
        while True:
            try:
                ack = await self._js.publish(subject, data, headers=headers, timeout=3)
                return Stored(ack.seq, bool(ack.duplicate))
            except nats.js.errors.APIError as error:
                if error.err_code == WRONG_LAST_SEQUENCE:
                    raise Stale(f"{subject} has been written by another owner") from error
                if error.err_code == STREAM_FULL:
                    raise QueueFull(f"{subject} is at its limit: {error.description}") from error
                if time.monotonic() > deadline:
                    raise NatsUnavailable(f"{subject} was not stored: {error.description}") from error
            except (TimeoutError, nats.errors.Error, OSError) as error:
                if time.monotonic() > deadline:
                    raise NatsUnavailable(
                        f"{subject} was not stored in {patience:.0f} s: {type(error).__name__}"
                    ) from error
            await asyncio.sleep(0.2)

    # --- read ---

    async def last(self, stream: str, subject: str) -> Delivered | None:
        """The newest message of this subject that the stream holds. Raises NatsUnavailable."""
        try:
            message = await self._js.get_last_msg(stream, subject)
        except nats.js.errors.NotFoundError:
            return None
        except (TimeoutError, nats.errors.Error, OSError) as error:
            raise NatsUnavailable(f"{stream} could not be read: {type(error).__name__}") from error
        return Delivered(message.subject or subject, message.data or b"", message.seq or 0)

    async def read(self, stream: str, subject: str, first: int, last: int) -> list[Delivered]:
        """What the stream holds of `subject` with sequences `first`..`last`, in order. Old messages may be gone.

        Raises NatsUnavailable.
        """
        found: list[Delivered] = []
        sequence = first
        while sequence <= last:
            try:
                raw = await self._js.get_msg(stream, sequence, subject=subject, next=True, direct=True)
            except nats.js.errors.NotFoundError:
                break
            except (TimeoutError, nats.errors.Error, OSError) as error:
                raise NatsUnavailable(f"{stream} could not be read: {type(error).__name__}") from error
            if raw.seq is None or raw.seq > last:
                break
            found.append(Delivered(raw.subject or subject, raw.data or b"", raw.seq))
            sequence = raw.seq + 1
        return found

    async def subscribe(self, subject: str, receive: Receiver) -> None:
        """Call `receive` for each plain message of `subject`, until the connection is closed."""

        async def call(message: Msg) -> None:
            receive(Delivered(message.subject, message.data))

        await self._nc.subscribe(subject, cb=call, pending_msgs_limit=200_000, pending_bytes_limit=256 * 1024 * 1024)

    async def follow(self, stream: str, subject: str, after: int, receive: Receiver) -> None:
        """Call `receive` for each message of `subject` with a sequence over `after`, in order, for ever."""
        seen = after
        stirred = asyncio.Event()
        self.on_reconnect.append(stirred.set)

        async def call(message: Msg) -> None:
            nonlocal seen
            sequence, stamp = _position(message.reply)
            if sequence > seen:
                seen = sequence
                receive(Delivered(message.subject, message.data, sequence, stamp))

        try:
            while True:
                stirred.clear()
                try:
                    subscription = await self._js.subscribe(
                        subject,
                        stream=stream,
                        cb=call,
                        ordered_consumer=True,
                        config=api.ConsumerConfig(
                            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=seen + 1
                        ),
                        pending_msgs_limit=500_000,
                        pending_bytes_limit=256 * 1024 * 1024,
                    )
                except (TimeoutError, nats.errors.Error, OSError):
                    await asyncio.sleep(0.2)
                    continue
                try:
                    while not stirred.is_set():
                        before = seen
                        with contextlib.suppress(asyncio.TimeoutError):
                            await asyncio.wait_for(stirred.wait(), FOLLOW_CHECK_S)
                        if seen == before and await self._holds_more(stream, subject, seen) and seen == before:
                            log.warning("a stream's consumer fell silent: making it anew", stream=stream)
                            break
                finally:
                    with contextlib.suppress(nats.errors.Error, asyncio.TimeoutError, OSError):
                        await subscription.unsubscribe()
        finally:
            self.on_reconnect.remove(stirred.set)

    async def _holds_more(self, stream: str, subject: str, seen: int) -> bool:
        try:
            await self._js.get_msg(stream, seen + 1, subject=subject, next=True, direct=True)
        except nats.js.errors.NotFoundError:
            return False
        except (TimeoutError, nats.errors.Error, OSError):
            return False
        await asyncio.sleep(0.5)  # it may be on its way
        return True

    async def newest(self, stream: str) -> int:
        """The sequence of the newest message that the stream ever held."""
        return (await self._js.stream_info(stream)).state.last_seq

    async def waiting(self, stream: str, durable: str) -> int:
        """Messages of a work-queue consumer that nobody has acknowledged: pending and in hand."""
        info = await self._js.consumer_info(stream, durable)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def take(self, stream: str, durable: str, patience: float = 1.5) -> Taken | None:
        """The next job of a queue, or None when none came for `patience` seconds (or the connection is away)."""
        try:
            queue = self._queues.get((stream, durable))
            if queue is None:
                queue = self._queues[stream, durable] = await self._js.pull_subscribe_bind(durable, stream)
            message = (await queue.fetch(1, timeout=patience))[0]
        except (TimeoutError, nats.errors.TimeoutError):
            return None
        except (nats.errors.Error, OSError) as error:
            log.warning("a queue could not be read", stream=stream, durable=durable, error=type(error).__name__)
            await asyncio.sleep(0.2)
            return None
        return Taken(message)


def _position(reply: str) -> tuple[int, float]:
    """(stream sequence, stamp in seconds) from the reply subject of a delivered message.

    `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<n>.<nanoseconds>.<pending>`, with two more tokens in front
    where the server knows domains (https://github.com/nats-io/nats-architecture-and-design, ADR-15).
    """
    tokens = reply.split(".")
    at = 5 if len(tokens) == 9 else 7
    return int(tokens[at]), int(tokens[at + 2]) / 1e9
