"""A socket of the Realtime API, whatever its session is for: from the upgrade to the close frame.

The client's session with Dragoman begins with its first audio, for only then it is settled what is sent and what is
wanted. A wrong event is answered by an `error` that names it, and the session goes on. What ends a session is told as
an `error`, too, and then the socket is closed. OpenAI's protocol has no way of coming back: a session ends with its
socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import Any, ClassVar

import msgspec
from aiohttp import WSMsgType

from ingress import endings, entry
from ingress.access import Caller
from ingress.admission.desk import Turn
from ingress.delivery import Outgoing
from ingress.downlink import Downlink
from ingress.endings import Ending
from ingress.line import QUIET_TICK_S, Line
from ingress.openai import models
from ingress.openai.realtime import events, messages
from ingress.openai.refusals import Refused
from ingress.pace import Pace
from ingress.shared import Ingress
from ingress.signal import Signal
from ingress.websocket import PatientSocket, cut_off, say_goodbye
from ingress.wishes import Wishes
from wire.audio import BYTES_PER_SAMPLE
from wire.errors import ClientError, LanguageUnsupported, NatsUnavailable, NoScheduler, Unavailable
from wire.log import get
from wire.messages import SessionOpened
from wire.protocol import ErrorTold

log = get(__name__)

MAX_SESSION_S = 24 * 3600
"""`expires_at`: then the client has to open another one."""
PIECE_S = 0.1
"""Audio goes on in such pieces, however much a client sends at once."""
LIVE = ("gpt-live-transcribe", "gpt-realtime-whisper", "gpt-realtime-translate")
"""Models of OpenAI's that are for sessions alone: they mean whatever is there."""
CONTROL_COST_S, APPEND_COST_S = 0.05, 0.001
"""What an event, and one that carries audio, counts against the speed limit beyond its audio, in seconds of it."""


class Passage(Line):
    """What a door has once there is audio. `hear`, `tend` and `busy` are the door's."""

    def __init__(self, ingress: Ingress, way_in: entry.Entry, door: Door) -> None:
        super().__init__(ingress, way_in, door.end, door.turn)
        self._door = door

    def hear(self, piece: Outgoing) -> None:
        self._door.hear(piece)

    async def tend(self, now: float) -> None:
        self._door.tend(now)

    @property
    def busy(self) -> bool:
        return self.uplink.busy or self._door.busy


class Door:
    """One client's connection. Each kind of session says whether there can be one (`check`), how it greets (`greet`),
    what its events mean (`obey`), and what it tells of what comes down (`hear`)."""

    MESSAGES: ClassVar[Any]
    """What its clients may say: a union."""

    def __init__(
        self,
        ingress: Ingress,
        socket: PatientSocket,
        transport: asyncio.WriteTransport | None,
        caller: Caller,
        refusal: Refused | None = None,
    ) -> None:
        """`refusal`: why there is no session for what was asked by the way of connecting."""
        self.ingress = ingress
        self.line: Passage | None = None
        self.turn: Turn | None = None
        """Its place, from the beginning: whoever has not said anything yet counts, too."""
        self.expires_at = int(time.time()) + MAX_SESSION_S
        self._socket = socket
        self._transport = transport
        self._caller = caller
        self._refusal = refusal
        self._way_in = entry.new(Wishes(), 0, ingress.id, ingress.settings.pool, caller.tenant)
        self.id = self._way_in.session.removeprefix("s")
        """Part of the names of all that the client is told of."""
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._downlink = Downlink(socket, self.end, alive=None)
        self._opened = Signal()
        self._while_open = contextlib.ExitStack()
        self._pace = Pace(ingress.settings.max_speed, time.monotonic())
        self._received_at = self._began_at = time.monotonic()
        self._pieces = self._told = 0
        self._samples = 0

    # --- what each kind of session says for itself ---

    def check(self) -> None:
        """Whether there can be a session as it was asked for by the way of connecting. Raises Refused."""
        raise NotImplementedError

    def greet(self) -> None:
        """Once, before anything is read."""
        raise NotImplementedError

    async def obey(self, message: Any) -> None:
        """One of `MESSAGES`. Raises ClientError where it cannot be obeyed, NatsUnavailable, NoScheduler, OverLimit."""
        raise NotImplementedError

    def hear(self, piece: Outgoing) -> None:
        """What comes down, in order."""
        raise NotImplementedError

    def tend(self, now: float) -> None:
        """About once a second while there is something to look after, else more rarely."""
        if now - self._received_at > self.ingress.settings.idle_timeout_s:
            self.end(endings.QUIET)
        elif self._downlink.outbox.unread(now):
            self.end(endings.UNREAD)
        elif now - self._began_at > MAX_SESSION_S:
            self.end(Ending.told(endings.NORMAL, "session_expired", "a session lasts a day at most: open another one"))

    @property
    def busy(self) -> bool:
        """Whether `tend` has something to look after soon."""
        return self._downlink.outbox.busy

    # --- as a guest of the ingress ---

    def end(self, ending: Ending) -> None:
        """The first reason counts."""
        if not self._ending.done():
            self._ending.set_result(ending)

    def beat(self, now: float) -> None:
        """The protocol has no sign of life but WebSocket's own."""

    async def run(self) -> None:
        """Serve the client until one side ends."""
        with self._while_open as inside:
            try:
                inside.enter_context(self.ingress.meter.session(self._caller, self.end))
                if (unready := self.ingress.unready()) is not None:
                    self.end(unready)
                elif self._refusal is not None:
                    raise self._refusal
                self.check()
            except Refused as error:
                self.end(Ending.because(endings.IMPOSSIBLE, error))
            except Unavailable as error:
                self.end(Ending.because(endings.TRY_LATER, error))
            ending, heard = await self._downlink.run(self._ending, self._read(), self._keep())
            async with asyncio.TaskGroup() as group:  # neither may hold the other up
                if heard:
                    group.create_task(say_goodbye(self._socket, self._transport, ending, self._last_words(ending)))
                elif self._transport is not None:
                    cut_off(self._transport)
                if self.line is not None and ending is not endings.CLOSED:
                    group.create_task(self.line.abandon())
        log.info(
            "realtime session ended", session=self._way_in.session, close=ending.close, reason=ending.reason,
            audio_s=round(self.heard_s, 1), seconds=round(time.monotonic() - self._began_at, 1),
        )  # fmt: skip

    # --- up ---

    async def _read(self) -> None:
        self.greet()
        try:
            while True:
                message = await self._socket.next()
                match message.type:
                    case WSMsgType.TEXT:
                        await self._take(message.data)
                    case WSMsgType.BINARY:
                        self.refuse(Refused("binary messages mean nothing here: audio is sent in base64"))
                        await self._slow_down(CONTROL_COST_S)
                    case _:
                        self.end(endings.LEFT)
                        return
                self._received_at = time.monotonic()
        except NatsUnavailable:
            self.end(endings.NO_NATS)
        except NoScheduler:
            self.end(endings.NO_SCHEDULER)
        except Unavailable as error:  # over a limit
            self.end(Ending.because(endings.TRY_LATER, error))
        except ConnectionError:  # pings are answered while it is read, and the client was gone before the answer
            self.end(endings.LEFT)

    async def _take(self, text: str) -> None:
        culprit: str | None = None
        cost = CONTROL_COST_S
        try:
            message = messages.parse(text)
            culprit = messages.event_id_of(message)
            event = messages.read(message, self.MESSAGES)
            if isinstance(event, messages.Append | messages.TranslationAppend):
                cost = APPEND_COST_S
            await self.obey(event)
        except ClientError as error:
            self.refuse(error, culprit)
        await self._slow_down(cost)

    async def _slow_down(self, cost_s: float) -> None:
        """Not reading is what holds a fast sender back; with nothing to wait for, others have their turn."""
        await asyncio.sleep(self._pace.take(cost_s, time.monotonic()))

    async def open(self, wishes: Wishes, rate: int) -> Passage:
        """The session, from its first audio on: `wishes` and `rate` (Hz) count then.

        Raises LanguageUnsupported, NatsUnavailable, NoScheduler, Unavailable where there is no room for it.
        """
        if self.line is None:
            full = endings.FULL.error
            if full is not None and self.ingress.unready_for(self._way_in.session) is endings.FULL:
                raise Unavailable(full.message, code=full.code)
            self.check_served(wishes)
            opened = self._way_in.mail
            assert isinstance(opened, SessionOpened)
            mail = msgspec.structs.replace(
                opened, source=wishes.source, targets=wishes.targets, speech=wishes.speech, options=wishes.options
            )
            self.line = Passage(self.ingress, replace(self._way_in, sample_rate=rate, wishes=wishes, mail=mail), self)
            self._while_open.enter_context(self.line.connected())
            await self.line.enter()
            self._opened.set()
        return self.line

    def check_served(self, wishes: Wishes) -> None:
        """Raises LanguageUnsupported."""
        refusal = self.ingress.fleet.refusal(self.ingress.settings.pool, wishes.source, wishes.targets)
        if refusal is not None:
            raise LanguageUnsupported(refusal)

    def check_model(self, model: str, param: str) -> None:
        """Whether it hears; where no node is there, nobody can say. Raises Refused."""
        nodes = self.ingress.fleet.ready(self.ingress.settings.pool)
        if model in LIVE or not nodes:
            return
        try:
            models.check_hears(model, nodes)
        except Refused as error:
            raise Refused(str(error), param=param, code=error.code) from error

    async def send_audio(self, line: Line, pcm: bytes) -> None:
        """PCM16 at the line's rate, as fast as is allowed. Raises OverLimit."""
        rate = line.entry.sample_rate
        size = round(PIECE_S * rate) * BYTES_PER_SAMPLE
        for start in range(0, len(pcm), size):
            piece = pcm[start : start + size]
            seconds = len(piece) / BYTES_PER_SAMPLE / rate
            self.ingress.meter.audio(self._caller, seconds)
            await line.audio(self._pieces, piece)
            self._pieces += 1
            self._samples += len(piece) // BYTES_PER_SAMPLE
            await self._slow_down(seconds)

    @property
    def heard_s(self) -> float:
        """Audio that was taken."""
        return self._samples / self.line.entry.sample_rate if self.line is not None else 0.0

    # --- down ---

    def tell(self, *told: events.ServerEvent) -> None:
        for event in told:
            self._downlink.tell(events.write(event, self._event_id()))

    def finish(self) -> None:
        """Nothing comes after what was told."""
        self._downlink.outbox.finish()

    def refuse(self, error: ClientError, culprit: str | None = None) -> None:
        """The session goes on."""
        param = error.param if isinstance(error, Refused) else None
        problem = events.Problem(
            type="invalid_request_error", code=error.code, message=str(error), param=param, event_id=culprit
        )
        self.tell(events.ErrorRaised(error=problem))

    def report(self, error: ErrorTold) -> None:
        self.tell(_as_event(error))

    def _event_id(self) -> str:
        self._told += 1
        return f"event_{self.id}{self._told:07}"

    def _last_words(self, ending: Ending) -> str | None:
        if ending.error is None:
            return None
        return events.write(_as_event(ending.error), self._event_id())

    # --- now and then ---

    async def _keep(self) -> None:
        """For ever."""
        while not await self._opened.wait_for(min(QUIET_TICK_S, self.ingress.settings.idle_timeout_s / 4)):
            self.tend(time.monotonic())
        assert self.line is not None
        await self.line.keep()


def _as_event(error: ErrorTold) -> events.ErrorRaised:
    kind = "server_error" if error.retryable else "invalid_request_error"
    return events.ErrorRaised(error=events.Problem(type=kind, code=error.code, message=error.message))
