"""Silero VAD v6 (https://github.com/snakers4/silero-vad) in NumPy, for the frames of many streams at once.

ONNX Runtime computes the same network for one stream at a time: 37 us a frame where a chunk brings three. Most of that
is small matrices. Here a frame of each of many streams is a row of one large product, and the LSTM steps of different
streams are one step; that is what a server of many people has.

    frame (576 samples)  -> pad by reflection -> 4 windows of 256, spectrum of each (129)
                         -> convolution 129 to 128, over the 4; 128 to 64, stride 2; 64 to 64, stride 2; 64 to 128
                         -> LSTM of 128, state from frame to frame -> a probability

The weights are read from the ONNX file that faster-whisper brings (`tensors`), told apart by their shapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

FRAME, PAD, WINDOW, HOP, BINS = 576, 64, 256, 128, 129
WINDOWS = (FRAME + PAD - WINDOW) // HOP + 1
HIDDEN = 128
AT_ONCE = 72
"""Frames in one product. Of more, intermediate values are so large that malloc asks the kernel for them each time."""
SHAPES = (
    (2 * BINS, 1, WINDOW), (128, BINS, 3), (128,), (64, 128, 3), (64,), (64, 64, 3), (64,), (128, 64, 3), (128,),
    (1, HIDDEN, 1), (1,), (1, 4 * HIDDEN, HIDDEN), (1, 4 * HIDDEN, HIDDEN), (1, 8 * HIDDEN),
)  # fmt: skip
"""Of the weights, in the order in which the file has them."""
FLOAT = 1
"""ONNX's number for float32."""


class Silero:
    """The network. State of a stream: h and c, (HIDDEN,) each, 0 at its beginning."""

    def __init__(self, path: Path) -> None:
        """Raises ValueError where the file is not this network."""
        found = [tensor for tensor in tensors(path.read_bytes()) if tensor.shape in set(SHAPES)]
        if tuple(tensor.shape for tensor in found) != SHAPES:
            raise ValueError("its weights are others than those of Silero VAD v6")
        basis, w1, self._b1, w2, self._b2, w3, self._b3, w4, self._b4, out, self._out_bias, w, r, b = found
        self._shape = basis[0, 0]  # of the windows: its first row is a cosine of no frequency
        spectra = np.fft.rfft(np.eye(WINDOW) * self._shape).T
        if not np.allclose(np.abs(basis[:, 0]), np.abs(np.concatenate([spectra.real, spectra.imag])), atol=1e-4):
            raise ValueError("its spectrum is not that of Silero VAD v6")
        self._w1, self._w2 = _taps(w1, 0, 3), _taps(w2, 0, 3)
        self._w3, self._w4 = _taps(w3, 1, 3), _taps(w4, 1, 2)  # of two and of one value: the rest meets padding
        # sigmoid(x) = (1 + tanh(x / 2)) / 2: halved weights of its three gates make all four a tanh. ONNX: i, o, f, c.
        halves = np.repeat(np.array([0.5, 0.5, 0.5, 1.0], np.float32), HIDDEN)[:, None]
        self._w, self._r = _right(w[0] * halves), _right(r[0] * halves)
        self._b: Floats = ((b[0, : 4 * HIDDEN] + b[0, 4 * HIDDEN :]) * halves[:, 0]).astype(np.float32)
        self._out = np.ascontiguousarray(out.reshape(HIDDEN))

    def encode(self, frames: Floats) -> Floats:
        """(N, FRAME) -> (N, 4 HIDDEN): what each brings to the gates of the LSTM."""
        count = len(frames)
        if count > AT_ONCE:
            return np.concatenate([self.encode(frames[at : at + AT_ONCE]) for at in range(0, count, AT_ONCE)])
        padded = np.empty((count, FRAME + PAD), np.float32)
        padded[:, :FRAME] = frames
        padded[:, FRAME:] = frames[:, -2 : -2 - PAD : -1]
        step = padded.itemsize
        windows = np.ndarray(
            (count, WINDOWS, WINDOW), np.float32, padded, strides=(padded.strides[0], HOP * step, step)
        )
        x = np.zeros((count, WINDOWS + 2, BINS), np.float32)
        np.abs(np.fft.rfft(windows * self._shape), out=x[:, 1:-1])
        x = _convolved(x, 1, self._w1, self._b1)
        x = _convolved(x, 2, self._w2, self._b2)
        y = x[:, 1:-1].reshape(count, -1) @ self._w3
        y += self._b3
        np.maximum(y, 0, out=y)
        y = y @ self._w4
        y += self._b4
        np.maximum(y, 0, out=y)
        return (y @ self._w + self._b).astype(np.float32, copy=False)

    def step(self, gates: Floats, h: Floats, c: Floats) -> tuple[Floats, Floats]:
        """One frame of each of S streams: (S, 4 HIDDEN), (S, HIDDEN) twice -> their next h and c."""
        gates = h @ self._r + gates
        np.tanh(gates, out=gates)
        gates[:, : 3 * HIDDEN] += 1
        gates[:, : 3 * HIDDEN] *= 0.5
        i, o, f, g = (gates[:, at : at + HIDDEN] for at in range(0, 4 * HIDDEN, HIDDEN))
        f *= c
        i *= g
        f += i
        return o * np.tanh(f), f

    def probabilities(self, h: Floats) -> Floats:
        """(N, HIDDEN), after each frame -> (N,)."""
        found: Floats = 1 / (1 + np.exp(-(np.maximum(h, 0) @ self._out + self._out_bias[0])))
        return found

    def run(self, streams: Sequence[tuple[Floats, Floats, Floats]]) -> list[tuple[Floats, Floats, Floats]]:
        """Of each stream its next frames (N, FRAME), N over 0, with h and c -> (N,) probabilities, next h and c."""
        counts = [len(frames) for frames, _, _ in streams]
        gates = self.encode(np.concatenate([frames for frames, _, _ in streams]) if len(streams) > 1 else streams[0][0])
        starts = np.cumsum([0, *counts[:-1]])
        order = sorted(range(len(streams)), key=lambda at: -counts[at])
        h, c = np.stack([streams[at][1] for at in order]), np.stack([streams[at][2] for at in order])
        first, lasting = starts[order], np.array([counts[at] for at in order])
        after = np.empty((len(gates), HIDDEN), np.float32)
        for turn in range(lasting[0]):
            still = int(np.searchsorted(-lasting, -turn))
            rows = first[:still] + turn
            h[:still], c[:still] = self.step(gates[rows], h[:still], c[:still])
            after[rows] = h[:still]
        probabilities = self.probabilities(after)
        places = {at: place for place, at in enumerate(order)}
        return [
            (probabilities[start : start + count], h[places[at]].copy(), c[places[at]].copy())
            for at, (start, count) in enumerate(zip(starts, counts, strict=True))
        ]


def _right(weights: Floats) -> Floats:
    """As the right side of a product with rows of values."""
    return np.ascontiguousarray(weights.T, dtype=np.float32)


def _taps(weights: Floats, first: int, end: int) -> Floats:
    """Some taps of a convolution (out, in, 3), for rows in which the values of each moment lie together."""
    out = weights.shape[0]
    return _right(weights[:, :, first:end].transpose(0, 2, 1).reshape(out, -1))


def _convolved(x: Floats, stride: int, weights: Floats, bias: Floats) -> Floats:
    """(N, T + 2, in), padded by a 0 on both sides -> (N, T / stride + 2, out), likewise padded, after ReLU."""
    count, length, width = x.shape
    made = (length - 3) // stride + 1
    step = x.itemsize * width
    rows = np.ndarray(
        (count, made, 3 * width), np.float32, x, strides=(length * step, stride * step, x.itemsize)
    ).reshape(-1, 3 * width)
    y = rows @ weights
    y += bias
    found = np.zeros((count, made + 2, len(bias)), np.float32)
    np.maximum(y.reshape(count, made, -1), 0, out=found[:, 1:-1])
    return found


# --- the file ---------------------------------------------------------------------------------------------------------


def tensors(model: bytes) -> Iterator[Any]:
    """The float32 weights of an ONNX file, in its order. Of protobuf that is as much as is needed here: the graph is
    field 7 of the model, its initializers are field 5, and their dimensions, type and bytes are fields 1, 2 and 9."""
    for graph in _fields(model, 7):
        for tensor in _fields(graph, 5):
            if [*_fields(tensor, 2)] == [FLOAT]:
                shape = [dimension for packed in _fields(tensor, 1) for dimension in _numbers(packed)]
                raw = b"".join(_fields(tensor, 9))
                if raw and int(np.prod(shape)) * 4 == len(raw):
                    yield np.frombuffer(raw, "<f4").reshape(shape)


def _numbers(value: Any) -> list[int]:
    """Of a repeated field of numbers, packed or not."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        found.append(number)
    return found


def _fields(message: Any, wanted: int) -> Iterator[Any]:
    """Values of this field: numbers, or bytes."""
    at = 0
    message = memoryview(message)
    while at < len(message):
        key, at = _varint(message, at)
        value: Any
        match key & 7:
            case 0:
                value, at = _varint(message, at)
            case 2:
                length, at = _varint(message, at)
                value, at = message[at : at + length], at + length
            case 1 | 5 as kind:
                size = 8 if kind == 1 else 4
                value, at = message[at : at + size], at + size
            case _:
                raise ValueError("this is no protobuf")
        if key >> 3 == wanted:
            yield value


def _varint(data: Any, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if at >= len(data):
            raise ValueError("this is no protobuf")
        byte = data[at]
        number |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return number, at
