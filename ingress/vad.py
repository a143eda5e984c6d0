"""Speech probabilities of many streams: Silero VAD (`ingress.silero`), computed for all that came at the same time.

The model takes frames of 512 samples at 16 kHz, each with the 64 samples before it, and carries an LSTM's state (h, c)
from frame to frame. `SpeechModel` is the network, one in a process; a `SpeechMeter` is one connection's state. Audio
may come in pieces of any length: the probabilities are those that the whole audio at once would give.

Who has time until the end of this turn of the event loop asks for `measured`: what all connections brought in one turn
is computed together, which takes half as long or less. The busier the process, the more there is in a turn.

The model's file comes with the package faster-whisper; it is found without importing that package, which would load
CTranslate2 into a process that runs no models.
"""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ingress.silero import AT_ONCE, FRAME, HIDDEN, Floats, Silero
from wire.audio import FRAME_SAMPLES
from wire.errors import ModelMissing

CONTEXT_SAMPLES = FRAME - FRAME_SAMPLES
SCALE = np.float32(1 / 32768)
MAX_FRAMES = AT_ONCE
"""Computed at one time: a millisecond. The loop has its turn in between."""

PACKAGE = "faster_whisper"
FILE = Path("assets", "silero_vad_v6.onnx")

BEGINNING = np.zeros(HIDDEN, np.float32)
NOTHING_BEFORE = np.zeros(CONTEXT_SAMPLES, np.int16)
NO_FRAMES = np.empty((0, FRAME), np.float32)
"""Shared by all that have heard nothing yet, and never written to."""


def find_model(package: str = PACKAGE) -> Path:
    """Raises ModelMissing, saying what to install."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / FILE).is_file():
            return path
    raise ModelMissing(
        f"{FILE.name}, which tells speech from silence, is not there: "
        "it comes with faster-whisper, install it with `pip install 'dragoman[node]'`"
    )


class SpeechModel:
    """The network. One thread computes it: connections share it."""

    def __init__(self, path: Path) -> None:
        try:
            self._network = Silero(path)
        except (OSError, ValueError) as error:
            raise ModelMissing(f"{path} cannot be loaded ({error}): install faster-whisper anew") from error
        self._waiting: list[tuple[SpeechMeter, Floats, asyncio.Future[Floats]]] = []

    def run(self, streams: list[tuple[Floats, Floats, Floats]]) -> list[tuple[Floats, Floats, Floats]]:
        """As `Silero.run`."""
        return self._network.run(streams)

    async def together(self, meter: SpeechMeter, frames: Floats) -> Floats:
        """Probabilities of a stream's next frames, of which there is one at least. A stream asks again when it has
        them."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._compute)
        future: asyncio.Future[Floats] = loop.create_future()
        self._waiting.append((meter, frames, future))
        return await future

    def _compute(self) -> None:
        """What waits, or the first of it."""
        count = frames = 0
        for _, each, _ in self._waiting:
            if count and frames + len(each) > MAX_FRAMES:
                break
            count, frames = count + 1, frames + len(each)
        now, self._waiting = self._waiting[:count], self._waiting[count:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._compute)
        try:
            found = self.run([(frames, meter.h, meter.c) for meter, frames, _ in now])
        except Exception as error:
            for _, _, future in now:
                if not future.done():
                    future.set_exception(error)
            raise
        for (meter, _, future), (probabilities, h, c) in zip(now, found, strict=True):
            meter.h, meter.c = h, c
            if not future.done():
                future.set_result(probabilities)


class SpeechMeter:
    """One audio stream's state: LSTM state, the 64 samples before the next frame, and the unfinished frame."""

    __slots__ = ("_model", "_rest", "c", "h")

    def __init__(self, model: SpeechModel) -> None:
        self._model = model
        self.h = self.c = BEGINNING
        self._rest = NOTHING_BEFORE  # context, then the samples of the unfinished frame

    def probabilities(self, samples: npt.NDArray[np.int16]) -> Floats:
        """int16 (N,) at 16 kHz, any N -> a probability, 0..1, for each frame that they completed."""
        frames = self._take(samples)
        if not len(frames):
            return np.empty(0, np.float32)
        ((found, self.h, self.c),) = self._model.run([(frames, self.h, self.c)])
        return found

    def measure(self, samples: npt.NDArray[np.int16]) -> bytes:
        """As `probabilities`, one byte for each frame: times 255, rounded."""
        return _bytes(self.probabilities(samples))

    async def measured(self, samples: npt.NDArray[np.int16]) -> bytes:
        """As `measure`, together with what other streams bring in this turn of the loop. Ask again when it is there."""
        frames = self._take(samples)
        return _bytes(await self._model.together(self, frames)) if len(frames) else b""

    def _take(self, samples: npt.NDArray[np.int16]) -> Floats:
        """The frames that they completed, (N, FRAME)."""
        audio = np.concatenate([self._rest, samples])
        count = (len(audio) - CONTEXT_SAMPLES) // FRAME_SAMPLES
        self._rest = audio[count * FRAME_SAMPLES :].copy()
        if not count:
            return NO_FRAMES
        # Overlapping rows of one array, by strides: sliding_window_view does the same and takes 10 us.
        step = audio.itemsize
        rows = np.ndarray((count, FRAME), audio.dtype, audio, strides=(FRAME_SAMPLES * step, step))
        frames: Floats = np.multiply(rows, SCALE, dtype=np.float32)
        return frames


def _bytes(probabilities: Floats) -> bytes:
    return np.rint(probabilities * 255).astype(np.uint8).tobytes()
