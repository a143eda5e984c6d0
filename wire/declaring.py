"""Streams, buckets and queues: made by whoever may, waited for by everybody else.

Schedulers declare (`declare`), and look every few seconds whether anything is gone (`keep_declared`). Ingresses and
nodes only look (`declared`): on a server with users per role (deploy/nats) they may do no more, without users it is
the same. A node's own queues are its own to make (`declare_queue`). Tools of the operator declare too.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import api

from wire import declare, topology
from wire.connection import FAILURES, Connection, cancellable, reason
from wire.errors import NatsUnavailable
from wire.follow import RETRY_S
from wire.log import get

log = get(__name__)

STREAM_EXISTS, JETSTREAM_OFF, NO_PEERS = 10058, 10039, 10005
STORE_PATIENCE_S = 12.0
DECLARED_PATIENCE_S = 30.0
LOOK_S = 5.0
LEAF_S = 2.0
"""A server without JetStream may be a leaf that has just connected: so long until its hub is heard of."""


class _Missing(nats.errors.Error):
    """Streams that nobody has made yet."""


class Declaring(Connection):
    """The part of `wire.bus.Bus` that sets up."""

    def __init__(self, client: Client, name: str) -> None:
        super().__init__(client, name)
        self._js = client.jetstream(timeout=5)
        self._queues: dict[tuple[str, str], api.ConsumerConfig] = {}
        self._declares = False

    async def declare(self, patience: float = STORE_PATIENCE_S) -> None:
        """Make the streams and buckets of wire.topology where they are missing. All who may can do it at once.

        Raises NatsUnavailable where JetStream is off or answers nothing for `patience` seconds, where this user may
        not, and where a stream of the same name or subjects is in the way.
        """
        await self._insist(self._declare, patience)

    async def declared(self, patience: float = DECLARED_PATIENCE_S) -> None:
        """Until all streams and buckets of wire.topology are there.

        Raises NatsUnavailable where JetStream is off, and where they are not there in `patience` seconds.
        """
        await self._insist(self._look, patience)

    async def keep_declared(self, every: float = LOOK_S) -> None:
        """For ever: make anew what somebody took away. What it held is gone."""
        while True:
            await asyncio.sleep(every)
            try:
                await self._look()
            except _Missing as missing:
                log.warning("streams are gone: declaring them again", streams=str(missing))
                await self._declare_again()
            except FAILURES as error:
                log.info("streams were not looked at", reason=reason(error))

    async def _insist(self, work: Callable[[], Awaitable[None]], patience: float) -> None:
        began = time.monotonic()
        deadline = began + patience
        while True:
            before = self.refused
            try:
                with cancellable():
                    return await work()
            except FAILURES as error:
                code = getattr(error, "err_code", None)
                silent = not isinstance(error, nats.js.errors.APIError) or code == NO_PEERS  # a cluster that assembles
                if isinstance(error, nats.js.errors.ServiceUnavailableError):  # nobody answers, or nobody can yet
                    off = not self.has_jetstream and time.monotonic() > began + LEAF_S
                    if code == JETSTREAM_OFF or off:
                        told = "JetStream is off: start nats-server with -js (a leaf: its hub is not there)"
                        raise NatsUnavailable(told, retryable=False) from error
                    silent = True
                if not silent:
                    raise NatsUnavailable(
                        f"a stream could not be made: {reason(error)}. Streams of another program are in the way, or "
                        "limits of the server: see `nats stream ls` and deploy/nats/dragoman.conf",
                        retryable=False,
                    ) from error
                if refusal := self.refusal(before):
                    raise NatsUnavailable(f"NATS does not let this process in: {refusal}", retryable=False) from error
                if time.monotonic() > deadline:
                    told = "JetStream does not answer: see the log of nats-server"
                    if isinstance(error, _Missing):
                        told = f"the streams are not there: start a scheduler, which makes them (missing: {error})"
                    raise NatsUnavailable(told) from error
            await asyncio.sleep(RETRY_S)

    async def _look(self) -> None:
        answer = await self._js._api_request(f"{self._js._prefix}.STREAM.NAMES", b"", timeout=self._js._timeout)
        there = set(answer["streams"] or ())
        missing = [config.name for config in declare.streams() if config.name not in there]
        if missing:
            raise _Missing(", ".join(filter(None, missing)))

    async def _declare(self) -> None:
        self._declares = True
        for config in declare.streams(declare.REPLICAS if self.clustered else 1):
            try:
                await self._js.add_stream(config)
            except nats.js.errors.BadRequestError as error:
                if error.err_code != STREAM_EXISTS:  # with another configuration: bring it up to date
                    raise
                await self._js.update_stream(config)

    async def _declare_again(self) -> None:
        """What this process declared before and misses now."""
        with contextlib.suppress(*FAILURES):
            if self._declares:
                await self._declare()
            for (stream, _), config in self._queues.items():
                await self._js.add_consumer(stream, config)

    async def declare_queue(
        self,
        stream: str,
        durable: str,
        subject: str,
        in_flight: int,
        idle_s: float | None = None,
        *,
        deliveries: int = topology.MAX_DELIVER + 1,
        ack_wait_s: float = topology.ACK_WAIT_S,
    ) -> None:
        """Make a work-queue consumer, or bring it up to date. With `idle_s` it goes by itself when nobody has asked it
        for so long; a message that nobody acknowledges comes again after `ack_wait_s`, up to so many `deliveries`
        (-1: without end). Raises NatsUnavailable."""
        config = declare.queue(durable, subject, in_flight, idle_s, deliveries=deliveries, ack_wait_s=ack_wait_s)
        deadline = time.monotonic() + STORE_PATIENCE_S
        while True:
            try:
                with self.asking(durable):
                    await self._js.add_consumer(stream, config)
                break
            except NatsUnavailable as error:
                if not error.retryable or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(RETRY_S)
        self._queues[stream, durable] = config

    async def forget_queue(self, stream: str, durable: str) -> None:
        self._queues.pop((stream, durable), None)
        with self.asking(durable), contextlib.suppress(nats.js.errors.NotFoundError):
            await self._js.delete_consumer(stream, durable)
