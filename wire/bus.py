"""The one door to NATS: what Dragoman needs of it, with nats-py's sharp edges filed off.

Nobody else talks to nats (of the files beside this one, connection.py keeps the connection, declaring.py makes the
streams that declare.py spells, follow.py reads in order). Four ways to move a message:

    publish   core NATS, at most once        live captions, audio chunks (the actor's ack tells what arrived)
    store     JetStream, acknowledged        events, jobs, results: sent again under the same id until stored
    follow    an ordered read of a stream    the actor's mailbox: from a sequence on, for ever, in order
    take      one message of a work queue    jobs: acknowledged, marked as in progress, given back

KV buckets are streams too: `wire.kv.Bucket` is made of `store`, `last` and `read`. What is mended here:

- The server checks the expected last sequence before it looks for duplicates, so that sending again what was stored
  reads as a conflict: `store` looks at the id of the message that is in the way.
- Streams and queues that went with a server's store are declared again by the first who misses them and may.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from wire import subjects
from wire.connection import FAILURES, cancellable, reason
from wire.declaring import STORE_PATIENCE_S, Declaring
from wire.errors import NatsUnavailable, QueueFull, Stale
from wire.follow import CHECK_S, PENDING_BYTES, PENDING_MESSAGES, RETRY_S, Delivered, Follower, Receiver
from wire.log import get
from wire.messages import Message, encode

log = get(__name__)

WRONG_LAST_SEQUENCE, STREAM_FULL, NO_SUCH_MESSAGE = 10071, 10077, 10057
MESSAGE_ID = "Nats-Msg-Id"
NO_HEADERS: Mapping[str, str] = {}
ANSWER_S = 2.0
"""A write that the server has not acknowledged for so long is sent again: it went into a connection that broke."""

__all__ = ["Bus", "Delivered", "Receiver", "Stock", "Stored", "Taken"]


@dataclass(frozen=True, slots=True)
class Stored:
    """`duplicate`: the stream held a message of this id already."""

    sequence: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Stock:
    """What a stream holds. `limit`: bytes that it may (-1: no limit). `subjects`: messages of each, where it was asked
    for."""

    messages: int
    bytes: int
    limit: int
    subjects: Mapping[str, int]


class Taken:
    """A job in hand. Exactly one of `ack`, `give_back` and `give_up` ends it.

    None of them raises while the server is away: then the queue's patience ends, and the job is delivered again.
    """

    def __init__(self, message: Msg) -> None:
        self._message = message
        self.subject = message.subject
        self.data = message.data
        self.deliveries = message.metadata.num_delivered or 1
        self.headers: Mapping[str, str] = message.headers or NO_HEADERS
        self.stored = message.metadata.timestamp.timestamp()
        """When it was stored: seconds since the epoch, by the server's clock."""

    async def progress(self) -> None:
        """Start the queue's patience (topology.ACK_WAIT_S) anew."""
        with contextlib.suppress(*FAILURES):
            await self._message.in_progress()

    async def ack(self) -> None:
        """The work is done and stored. Waits up to 2 s until the server knows."""
        with contextlib.suppress(*FAILURES), cancellable():
            await self._message.ack_sync(timeout=2)

    async def give_back(self, delay: float = 0) -> None:
        """Let another try, after `delay` seconds."""
        with contextlib.suppress(*FAILURES):
            await self._message.nak(delay=delay or None)

    async def give_up(self) -> None:
        """Never deliver it again."""
        with contextlib.suppress(*FAILURES):
            await self._message.term()


class Bus(Declaring):
    """One connection. Make it with `async with Bus.connect(…) as bus:`."""

    def __init__(self, client: Client, name: str) -> None:
        super().__init__(client, name)
        self._pulls: dict[tuple[str, str], Any] = {}

    # --- send ---

    async def publish(self, subject: str, message: Message) -> None:
        """At most once. While the connection is down, it is kept in nats-py's buffer or, that full, dropped and counted
        in `errors`."""
        try:
            await self._nc.publish(subject, encode(message))
        except (nats.errors.OutboundBufferLimitError, nats.errors.ConnectionClosedError):
            self.errors += 1
        except nats.errors.MaxPayloadError as error:
            raise self._too_large(subject) from error

    async def store(
        self,
        subject: str,
        message: Message | bytes | None,
        *,
        id: str = "",
        expect_last: int | None = None,
        ttl: int | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        patience: float = STORE_PATIENCE_S,
    ) -> Stored:
        """Into the stream of `subject`, once for each `id`, however often it must be sent; without an id, once for each
        call. Bytes go as they are; None deletes a KV key.

        `expect_last` is the stream sequence that the subject's last message must have (0: none). Where it has another
        because this very message is stored already, that is a duplicate and no conflict. `ttl`: whole seconds after
        which the message goes by itself, where its stream allows that.
        Raises Stale where another's message is the last, QueueFull where the stream takes no more, NatsUnavailable
        where nothing stored it for `patience` seconds or it is larger than the server allows.
        """
        maybe_stored = bool(id)  # an id of this call's own is in the stream only if it was sent before
        id = id or uuid.uuid4().hex
        headers = {**headers, MESSAGE_ID: id}
        if expect_last is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(expect_last)
        if message is None:
            headers["KV-Operation"] = "DEL"
        if ttl is not None:
            headers["Nats-TTL"] = str(ttl)
        data = encode(message) if isinstance(message, Message) else message or b""
        deadline, before = time.monotonic() + patience, self.refused
        while True:
            try:
                with cancellable():
                    ack = await self._js.publish(subject, data, headers=headers, timeout=min(ANSWER_S, patience))
                self.duplicates += bool(ack.duplicate)
                return Stored(ack.seq, bool(ack.duplicate))
            except nats.errors.MaxPayloadError as error:
                raise self._too_large(subject) from error
            except FAILURES as error:
                code = getattr(error, "err_code", None)
                if code == WRONG_LAST_SEQUENCE:
                    if maybe_stored and (sequence := await self._stored_as(subject, id)) is not None:
                        return Stored(sequence, duplicate=True)
                    raise Stale(f"{subject} has been written by another owner") from error
                if code == STREAM_FULL:
                    raise QueueFull(f"{subject} is at its limit: {reason(error)}") from error
                if refusal := self.refusal(before, subject):
                    told = f"NATS does not let this process write {subject}: {refusal}"
                    raise NatsUnavailable(told, retryable=False) from error
                if time.monotonic() > deadline:
                    raise NatsUnavailable(f"{subject} was not stored in {patience:.0f} s: {reason(error)}") from error
                if isinstance(error, nats.js.errors.NoStreamResponseError):
                    await self._declare_again()
                maybe_stored = True
            await asyncio.sleep(RETRY_S)

    async def _stored_as(self, subject: str, id: str) -> int | None:
        """The sequence of the subject's last message, if it has this id."""
        with self.asking(subject):
            try:
                last = await self._js.get_last_msg(subjects.stream_of(subject), subject)
            except nats.js.errors.NotFoundError:
                return None
        return last.seq if (last.headers or {}).get(MESSAGE_ID) == id else None

    def _too_large(self, subject: str) -> NatsUnavailable:
        limit = f"{self.max_payload} bytes, max_payload of the NATS server"
        return NatsUnavailable(f"a message to {subject} is over {limit}", retryable=False)

    # --- read ---

    @property
    def _direct(self) -> bool:
        """Whether any server may answer `first`: in a cluster only the stream's leader, for the others may be behind.
        Nodes may not ask so at all (deploy/nats/README.md)."""
        return not self.clustered

    async def last(self, stream: str, subject: str) -> Delivered | None:
        """The newest message of this subject that the stream holds. Raises NatsUnavailable."""
        with self.asking(stream):
            try:
                message = await self._js.get_last_msg(stream, subject)
            except nats.js.errors.NotFoundError:
                return None
        stamp = message.time.timestamp() if message.time else 0.0
        return Delivered(message.subject or subject, message.data or b"", message.seq or 0, stamp)

    async def first(self, stream: str, subject: str, at: int = 1) -> Delivered | None:
        """The oldest message of this subject that the stream holds from sequence `at` on. Raises NatsUnavailable."""
        with self.asking(stream):
            try:
                found = await self._js.get_msg(stream, at, subject=subject, next=True, direct=self._direct)
            except nats.js.errors.NotFoundError:
                return None
        return Delivered(found.subject or subject, found.data or b"", found.seq or 0)

    async def read(self, stream: str, subject: str, first: int, last: int) -> list[Delivered]:
        """What the stream holds of `subject` with sequences `first`..`last`, in order. Old messages may be gone.

        Raises NatsUnavailable.
        """
        found: list[Delivered] = []
        sequence = first
        while sequence <= last:
            with self.asking(stream):
                try:
                    raw = await self._js.get_msg(stream, sequence, subject=subject, next=True)
                except nats.js.errors.NotFoundError:
                    break
            if raw.seq is None or raw.seq > last:
                break
            stamp = raw.time.timestamp() if raw.time else 0.0
            found.append(Delivered(raw.subject or subject, raw.data or b"", raw.seq, stamp))
            sequence = raw.seq + 1
        return found

    async def subscribe(self, subject: str, receive: Receiver) -> None:
        """Call `receive` for each plain message of `subject`, until the connection closes. What it raises is logged."""

        async def call(message: Msg) -> None:
            try:
                receive(Delivered(message.subject, message.data))
            except Exception:
                log.exception("a message was not understood", subject=message.subject, bytes=len(message.data))

        await self._nc.subscribe(
            subject, cb=call, pending_msgs_limit=PENDING_MESSAGES, pending_bytes_limit=PENDING_BYTES
        )

    async def follow(self, stream: str, subject: str, after: int, receive: Receiver, *, check: float = CHECK_S) -> None:
        """Call `receive` for each message of `subject` with a sequence over `after`, in order, for ever.

        A stream that was made anew is followed from its beginning. Every `check` seconds without a message, the stream
        is asked whether it holds more. Raises what `receive` raises.
        """
        follower = Follower(self._js, stream, subject, after, receive)
        self.on_reconnect.append(follower.begin_anew)
        try:
            await follower.run(check, self._declare_again)
        finally:
            self.on_reconnect.remove(follower.begin_anew)

    async def newest(self, stream: str) -> int:
        """The sequence of the newest message that the stream ever held. Raises NatsUnavailable."""
        with self.asking(stream):
            return (await self._js.stream_info(stream)).state.last_seq

    async def subjects(self, stream: str, matching: str) -> list[str]:
        """Subjects of which the stream holds any message. Raises NatsUnavailable."""
        with self.asking(stream):
            return list((await self._js.stream_info(stream, subjects_filter=matching)).state.subjects or {})

    async def stock(self, stream: str, matching: str = "") -> Stock:
        """What the stream holds; where `matching` is given, of which of these subjects too. Raises NatsUnavailable."""
        with self.asking(stream):
            info = await self._js.stream_info(stream, subjects_filter=matching or None)
        state = info.state
        return Stock(state.messages, state.bytes, info.config.max_bytes or -1, state.subjects or {})

    async def purge(self, stream: str, subject: str, last: int) -> None:
        """Take away what the stream holds of `subject`, up to sequence `last`. Raises NatsUnavailable."""
        with self.asking(stream):
            await self._js.purge_stream(stream, seq=last + 1, subject=subject)

    async def discard(self, stream: str, sequence: int) -> None:
        """Take away this one message, if it is there. Raises NatsUnavailable."""
        with self.asking(stream), contextlib.suppress(nats.js.errors.NotFoundError):
            try:
                await self._js.delete_msg(stream, sequence)
            except nats.js.errors.APIError as error:
                if error.err_code != NO_SUCH_MESSAGE:
                    raise

    async def holds(self, stream: str) -> int:
        """How many messages there are in the stream. Raises NatsUnavailable."""
        with self.asking(stream):
            return (await self._js.stream_info(stream)).state.messages

    async def waiting(self, stream: str, durable: str) -> int:
        """Messages of a queue that nobody has acknowledged: pending and in hand. Raises NatsUnavailable."""
        with self.asking(durable):
            info = await self._js.consumer_info(stream, durable)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def take(self, stream: str, durable: str, patience: float = 1.5) -> Taken | None:
        """The next job of a queue, or None when none came for `patience` seconds (or the connection is away)."""
        try:
            pull = self._pulls.get((stream, durable))
            if pull is None:
                pull = self._pulls[stream, durable] = await self._js.pull_subscribe_bind(durable, stream)
            message = await self._fetch(pull, patience)
        except (TimeoutError, nats.errors.TimeoutError):
            return None
        except (nats.errors.Error, OSError) as error:
            log.warning("a queue could not be read", stream=stream, durable=durable, error=type(error).__name__)
            await self._declare_again()
            await asyncio.sleep(RETRY_S)
            return None
        return Taken(message)

    async def _fetch(self, pull: Any, patience: float) -> Msg:
        found: list[Msg] = []
        try:
            with cancellable():
                found = await pull.fetch(1, timeout=patience)
        except asyncio.CancelledError:
            for message in found:  # it came while nobody wanted it any more
                await message.nak()
            raise
        return found[0]
