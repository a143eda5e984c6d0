"""One session's way up: client audio and control into its mailbox, in order and without loss.

Audio is resampled, measured by the VAD, gathered and published; `ingress.window` says why nothing is lost. Control mail
is stored with an acknowledgement, after the audio that came before it.
"""

from __future__ import annotations

import time

from ingress.resample import Resampler, Samples
from ingress.signal import Signal
from ingress.tracing import Arrivals
from ingress.vad import SpeechMeter, SpeechModel
from ingress.window import Window
from wire import subjects
from wire.audio import BYTES_PER_SAMPLE, FRAME_SAMPLES
from wire.bus import Bus
from wire.errors import NatsUnavailable, ProtocolViolation
from wire.messages import AudioChunk, ClientMail, ClientSeen
from wire.metrics import AUDIO_IN

SEEN_S = 15.0
CONTROL_PATIENCE_S = 30.0
PROBE_PATIENCE_S = 1.0


class Uplink:
    def __init__(self, bus: Bus, session: str, connection: str, sample_rate: int, model: SpeechModel) -> None:
        self._bus = bus
        self._session = session
        self._connection = connection
        self._subject = subjects.mailbox(session, "client")
        self._resampler = Resampler(sample_rate)
        self._meter = SpeechMeter(model)
        self._window = Window(connection)
        self._reconnects = bus.reconnects
        self._room = Signal()
        self._owed = False  # something must be sent again: what is added waits behind it
        self._repeated = False  # all was sent again since the actor's last sign
        self._stored = 0
        self._last_sent = time.monotonic()
        self.arrivals: Arrivals | None = None
        self.chunks = 0
        """Client chunks taken; also the number that the next one must have."""

    def begin(self, next_chunk: int, samples: int) -> None:
        """Before the first audio of a client that came back: the actor has `samples` and expects `next_chunk`.

        The frames of this connection begin with its own first sample, so the actor's last one is filled up.
        """
        self.chunks = next_chunk
        if self.arrivals is not None:
            self.arrivals.begin(samples)
        self._window = Window(self._connection, next_chunk, -samples % FRAME_SAMPLES)

    # --- audio ---

    async def audio(self, number: int, pcm: bytes) -> None:
        """Chunk `number`, PCM16 at the client's rate. One that was taken before is ignored.

        Waits while 30 s of audio are unacknowledged. Raises ProtocolViolation (chunk_gap) where a number was skipped.
        """
        if number < self.chunks:
            return
        if number > self.chunks:
            raise ProtocolViolation(
                f"chunk {number} came where {self.chunks} was next: audio was lost on the way", code="chunk_gap"
            )
        await self._until_room()
        self.chunks += 1
        AUDIO_IN.chunks += 1
        AUDIO_IN.bytes += len(pcm)
        await self._add(self._resampler.feed(pcm))

    async def measured(self, pcm: bytes, speech: bytes) -> None:
        """Audio that was resampled and measured elsewhere: PCM16 mono at 16 kHz, and a byte for each 32 ms frame that
        it completed, as in AudioChunk. Waits as `audio` does; a session has the one or the other."""
        await self._until_room()
        self.chunks += 1
        self._note(len(pcm) // BYTES_PER_SAMPLE)
        await self._publish(self._window.add(pcm, speech, time.monotonic()))

    async def _until_room(self) -> None:
        while self._window.full:
            await self._room.wait()

    async def finish(self) -> int:
        """No more audio comes. Returns the number of the last chunk (-1: none).

        What the resampler still holds goes as a chunk of its own, one after the client's last.
        """
        tail = self._resampler.finish()
        if len(tail) and self.chunks:
            await self._add(tail)
        return self._window.last

    def _note(self, samples: int) -> None:
        if self.arrivals is not None:
            self.arrivals.came(samples, time.time())

    async def _add(self, samples: Samples) -> None:
        self._note(len(samples))
        speech = await self._meter.measured(samples)
        await self._publish(self._window.add(samples.tobytes(), speech, time.monotonic()))

    async def flush(self) -> None:
        """Publish what has been gathered, however little it is."""
        await self._publish(self._window.flush(time.monotonic()))

    async def _publish(self, message: AudioChunk | None) -> None:
        """While the server is away or others must be sent again, it waits in the window for its turn."""
        if message is not None:
            self._last_sent = time.monotonic()
            if self._bus.connected and not self._owed:
                await self._bus.publish(self._subject, message)

    def acknowledge(self, chunk: int) -> int:
        """The actor has all up to `chunk`. Returns the client's chunk that this acknowledges."""
        if self._window.acknowledge(chunk, time.monotonic()):
            self._repeated = False
        if not self._window.full:
            self._room.set()
        return min(chunk, self.chunks - 1)

    # --- control ---

    async def send(self, mail: ClientMail, patience: float = CONTROL_PATIENCE_S) -> int:
        """Store `mail` behind the audio that came before it. Returns its place in the mailbox.

        Raises NatsUnavailable after `patience` seconds.
        """
        await self.flush()
        self._stored += 1
        id = f"{self._session}.{self._connection}.{self._stored}"
        return (await self._bus.store(self._subject, mail, id=id, patience=patience)).sequence

    @property
    def last_chunk(self) -> int:
        """The newest chunk that the mailbox has or will have (-1: none)."""
        return self._window.last

    # --- now and then ---

    @property
    def busy(self) -> bool:
        """Whether `keep` has something to look after soon."""
        return self._window.last > self._window.acknowledged

    def stalled(self, now: float) -> float:
        """Seconds for which the actor has said nothing about audio that it was sent."""
        return self._window.silence(now)

    async def keep(self, now: float) -> None:
        """Call it about once a second: publishes what lies about, sends again what seems lost, tells that we live."""
        if not self._bus.connected:
            return
        await self.flush()
        if self._bus.reconnects != self._reconnects:
            self._reconnects = self._bus.reconnects
            self._window.hasten(now)
            self._owed, self._repeated = True, False
        if self._window.overdue(now):
            self._owed = True
        if self._owed:
            await self._send_again()
        if now - self._last_sent > SEEN_S:
            self._last_sent = now
            await self._bus.publish(self._subject, ClientSeen())

    async def _send_again(self) -> None:
        """The first that is unacknowledged, and once it is stored the rest, in order, and what is added meanwhile.

        Where all went again already and the actor has said nothing since, the first is enough: the actor answers it.
        """
        waiting = self._window.unacknowledged()
        if waiting:
            try:
                await self._bus.store(self._subject, waiting[0], patience=PROBE_PATIENCE_S)
            except NatsUnavailable:
                return  # it is tried again the next time
            sent = waiting[-1 if self._repeated else 0].last
            while waiting := [each for each in self._window.unacknowledged() if each.first > sent]:
                for message in waiting:
                    await self._bus.publish(self._subject, message)
                    sent = message.last
            self._repeated = True
        self._owed = False
