"""Speech probabilities: Silero VAD v6 (https://github.com/snakers4/silero-vad) through ONNX Runtime.

The model takes frames of 512 samples at 16 kHz, each with the 64 samples before it, and carries an LSTM's state (h, c)
from frame to frame. `SpeechModel` is the network, one in a process; a `SpeechMeter` is one connection's state. Audio
may come in pieces of any length: the probabilities are those that the whole audio at once would give.

The model's file comes with the package faster-whisper; it is found without importing that package, which would load
CTranslate2 into a process that runs no models.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from wire.audio import FRAME_SAMPLES
from wire.errors import ModelMissing

CONTEXT_SAMPLES = 64
STATE = (1, 1, 128)
SCALE = np.float32(1 / 32768)

PACKAGE = "faster_whisper"
FILE = Path("assets", "silero_vad_v6.onnx")

Floats = npt.NDArray[np.float32]


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
    """The network. It is stateless, and one thread computes it: connections share it."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), providers=["CPUExecutionProvider"], sess_options=options
            )
        except Exception as error:
            raise ModelMissing(f"{path} cannot be loaded ({error}): install faster-whisper anew") from error

    def run(self, frames: Floats, h: Floats, c: Floats) -> tuple[Floats, Floats, Floats]:
        """(N, 576) frames with their context, state (1, 1, 128) twice -> (N,) probabilities and the next state."""
        probabilities, h, c = self._session.run(None, {"input": frames, "h": h, "c": c})
        return probabilities.reshape(-1), h, c


class SpeechMeter:
    """One audio stream's state: LSTM state, the 64 samples before the next frame, and the unfinished frame."""

    __slots__ = ("_c", "_h", "_model", "_rest")

    def __init__(self, model: SpeechModel) -> None:
        self._model = model
        self._h = self._c = np.zeros(STATE, np.float32)
        self._rest = np.zeros(CONTEXT_SAMPLES, np.int16)  # context, then the samples of the unfinished frame

    def probabilities(self, samples: npt.NDArray[np.int16]) -> Floats:
        """int16 (N,) at 16 kHz, any N -> a probability, 0..1, for each frame that they completed."""
        audio = np.concatenate([self._rest, samples])
        count = (len(audio) - CONTEXT_SAMPLES) // FRAME_SAMPLES
        self._rest = audio[count * FRAME_SAMPLES :].copy()
        if not count:
            return np.empty(0, np.float32)
        # Overlapping rows of one array, by strides: sliding_window_view does the same and takes 10 us.
        step = audio.itemsize
        rows = np.ndarray(
            (count, CONTEXT_SAMPLES + FRAME_SAMPLES), audio.dtype, audio, strides=(FRAME_SAMPLES * step, step)
        )
        frames = np.multiply(rows, SCALE, dtype=np.float32)
        found, self._h, self._c = self._model.run(frames, self._h, self._c)
        return found

    def measure(self, samples: npt.NDArray[np.int16]) -> bytes:
        """As `probabilities`, one byte for each frame: times 255, rounded."""
        return np.rint(self.probabilities(samples) * 255).astype(np.uint8).tobytes()
