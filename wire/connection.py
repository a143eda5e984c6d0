"""One connection to NATS, kept for as long as the process lives.

`wire.bus.Bus` adds what is sent and read over it. What of nats-py is mended here:

- It gives up after 60 reconnects and pings every 2 minutes: here it reconnects for ever and pings every 5 s.
- A read loop can die while `is_connected` stays true, and a server can stand still behind an open socket: `_watch`
  flushes now and then, and where that fails drops the socket and reconnects. The socket is aborted, not closed: closing
  waits until what was written has gone out, which it never does towards a host that vanished.
- After some errors that a server reports (too many connections, say) it closes for good, and all who wait on it would
  wait for ever: here the block of `async with Bus.connect(…)` ends with NatsUnavailable, and a supervisor starts anew.
- `error_cb` runs inside the read loop: it only counts, and keeps what the server refused. A request that its user may
  not make is not answered at all, and whoever waits for the answer should be told why there is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Self

import nats.errors
from nats.aio.client import Client

from wire import subjects
from wire.errors import NatsUnavailable
from wire.log import get
from wire.login import NOBODY, Login

log = get(__name__)

PATIENCE_S = 10.0
WATCH_S = 5.0
ANSWER_S = 4.0
RECONNECT_WAIT_S = 0.25
PENDING_BYTES = 32 * 1024 * 1024
"""What is kept for the server while it is away or slow; over this, `Bus.publish` drops and counts."""
REFUSALS_KEPT = 100
"""Of the server's; one that comes again meanwhile is not logged again."""

FAILURES = (TimeoutError, nats.errors.Error, OSError)
"""What nats-py raises where the server is away, silent or says no."""


@contextlib.contextmanager
def cancellable() -> Iterator[None]:
    """Around a call of nats-py. `asyncio.wait_for` of Python 3.11, which it is full of, forgets a cancellation that
    comes in the same moment as the answer, and whoever was cancelled would go on for ever: here it is raised again."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError


class Connection:
    """Use it as `async with Bus.connect(…) as bus:`."""

    def __init__(self, client: Client, name: str) -> None:
        self._nc = client
        self.name = name
        self.reconnects = 0
        self.errors = 0
        self.duplicates = 0
        self.refused = 0
        self._refusals: dict[str, None] = {}
        self._deaf = ""
        self.on_reconnect: list[Callable[[], None]] = []
        self._up = asyncio.Event()
        self._up.set()
        self._lost = asyncio.timeout(None)
        self._ending = False

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls, url: str, name: str, login: Login = NOBODY, *, patience: float = PATIENCE_S, watch: float = WATCH_S
    ) -> AsyncIterator[Self]:
        """Connect to `url` (one, or several separated by commas) within `patience` seconds. Every `watch` seconds the
        server must answer. Answers come to `subjects.inbox(name)`, which the user of `login` must be allowed to hear.

        Raises NatsUnavailable that names the address and what is wrong with it; the block raises it too if the server
        closes the connection for good.
        """
        client = Client()
        client._public_nkey = login.public_key
        client._auth_configured = bool(login.seed)
        bus = cls(client, name)
        try:
            async with asyncio.timeout(patience):
                await client.connect(  # tries again by itself, for ever
                    servers=[each.strip() for each in url.split(",")],
                    name=f"dragoman-{name}",
                    connect_timeout=2,
                    reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # it is slept for: fractions work
                    max_reconnect_attempts=-1,
                    ping_interval=5,
                    max_outstanding_pings=2,
                    pending_size=PENDING_BYTES,
                    inbox_prefix=subjects.inbox(name),
                    tls=login.tls,
                    signature_cb=login.sign if login.seed else None,
                    user_jwt_cb=login.show_jwt if login.jwt else None,
                    error_cb=bus._on_error,
                    disconnected_cb=bus._on_disconnect,
                    reconnected_cb=bus._on_reconnect,
                    closed_cb=bus._on_close,
                )
        except (OSError, nats.errors.Error, ValueError) as error:
            if isinstance(error, TimeoutError):  # otherwise nothing was opened
                await bus._close()
            raise NatsUnavailable(_why_not(url, login, error, client.last_error)) from error
        watcher = asyncio.create_task(bus._watch(watch), name="bus-watch")
        try:
            if (url.startswith("tls://") or login.tls) and not client._server_info.get("tls_required"):
                asks = _shown(url) if url.startswith("tls://") else "nats_ca or nats_cert"
                raise NatsUnavailable(f"{asks} asks for TLS, and the server there speaks none", retryable=False)
            async with bus._lost:
                yield bus
        except TimeoutError as error:
            if not bus._lost.expired():
                raise
            raise NatsUnavailable(f"the NATS server closed the connection for good: {client.last_error}") from error
        finally:
            bus._ending = True
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
            with contextlib.suppress(*FAILURES):
                if client.is_connected:
                    await client.flush(timeout=1)
            await bus._close()

    async def _close(self) -> None:
        self._ending = True
        task = asyncio.current_task()
        cancelled = task.cancelling() if task else 0
        try:
            with contextlib.suppress(*FAILURES):
                await asyncio.wait_for(self._nc.close(), 2)
        except asyncio.CancelledError:
            # A socket that broke long ago answers so too: its waiter was cancelled, and nobody cancels us.
            if task is None or task.cancelling() > cancelled:
                raise

    @property
    def connected(self) -> bool:
        return self._up.is_set() and self._nc.is_connected

    @property
    def max_payload(self) -> int:
        """Bytes that the server takes in one message."""
        return self._nc.max_payload

    @property
    def server_version(self) -> str:
        """Like "2.15.1"."""
        return str(self._nc._server_info.get("version", ""))

    @property
    def has_jetstream(self) -> bool:
        """Whether the server said so when it greeted."""
        return bool(self._nc._server_info.get("jetstream"))

    @property
    def clustered(self) -> bool:
        """Whether the server said that it is one of several."""
        return bool(self._nc._server_info.get("cluster"))

    async def _on_error(self, error: Exception) -> None:
        self.errors += 1
        told = str(error)
        if "permissions violation" in told:
            self.refused += 1
            told = told.removeprefix("nats: ")
            if told not in self._refusals:
                log.error("NATS refuses what this process asked for", name=self.name, refusal=told)
            if f'subscription to "{subjects.inbox(self.name).lower()}' in told:
                self._deaf = told
            self._refusals.pop(told, None)
            self._refusals[told] = None
            if len(self._refusals) > REFUSALS_KEPT:
                del self._refusals[next(iter(self._refusals))]

    def refusal(self, before: int, subject: str = "") -> str:
        """What the server has refused this process since `refused` was `before` (about `subject`, where it is given);
        "" where nothing. The server's own words, in small letters."""
        if self._deaf:  # asked once for all answers to come
            return self._deaf
        if self.refused == before:
            return ""
        return next((told for told in reversed(self._refusals) if subject.lower() in told), "")

    @contextlib.contextmanager
    def asking(self, about: str) -> Iterator[None]:
        """Around a question to JetStream: nats-py's errors as ours."""
        before = self.refused
        try:
            with cancellable():
                yield
        except FAILURES as error:
            refusal = self.refusal(before) if isinstance(error, TimeoutError) else ""
            told = f"NATS gave no answer about {about}: {refusal or reason(error)}"
            raise NatsUnavailable(told, retryable=not refusal) from error

    async def _on_disconnect(self) -> None:
        if self._up.is_set():
            self._up.clear()
            if not self._ending:
                log.warning("NATS connection lost")

    async def _on_reconnect(self) -> None:
        self.reconnects += 1
        self._deaf = ""
        self._up.set()
        log.info("NATS connection is back", reconnects=self.reconnects)
        for each in self.on_reconnect:
            each()

    async def _on_close(self) -> None:
        if not self._ending:
            self._lost.reschedule(asyncio.get_running_loop().time())

    async def _watch(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            if self._nc.is_connected and not await self._answers(min(every, ANSWER_S)) and self._nc.is_connected:
                log.warning("NATS does not answer: reconnecting")
                self._abort()
                with contextlib.suppress(*FAILURES):
                    await self._nc._process_op_err(nats.errors.StaleConnectionError())

    async def _answers(self, within: float) -> bool:
        """Whether the server does. nats-py's `flush` says yes where nobody reads what the server sends."""
        reading = self._nc._reading_task
        if reading is None or reading.done():
            return False
        try:
            with cancellable():
                await self._nc.flush(timeout=within)  # type: ignore[arg-type]  # fractions work
        except FAILURES:
            return False
        return True

    def _abort(self) -> None:
        """Over WebSocket the transport has another shape: there nats-py's own pings must do."""
        transport: Any = self._nc._transport
        with contextlib.suppress(AttributeError):
            transport._io_writer.transport.abort()


def reason(error: BaseException) -> str:
    """The server's words for an error, or its name."""
    return getattr(error, "description", None) or type(error).__name__


def _shown(url: str) -> str:
    """Without user and password."""
    return re.sub(r"//[^/@,]*@", "//", url)


def _why_not(url: str, login: Login, error: Exception, last: Exception | None) -> str:
    """For a person: why there is no connection, from what ended the attempt and what was seen during it."""
    shown = _shown(url)
    if not isinstance(error, TimeoutError):
        return f"{shown!r} is no NATS address: it should read like nats://127.0.0.1:4222"
    if isinstance(last, ssl.SSLError):
        return f"the NATS server at {shown} speaks TLS, and its certificate was refused: {last.reason or last}"
    if "uthorization" in str(last):
        if login.seed:
            return f"the NATS server at {shown} does not know the user of {login.source}"
        return f"the NATS server at {shown} refuses the user or password in its address, or wants nats_creds"
    if "INFO" in str(last):
        return f"what answers at {shown} is no NATS server"
    return f"no NATS server answers at {shown}: start one, or give --nats-url"
