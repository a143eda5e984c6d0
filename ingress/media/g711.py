"""G.711: 8 kHz telephone audio, a byte for each sample, on a mu-law (North America, Japan) or an A-law curve. PURE.

ITU-T G.711 (1988), https://www.itu.int/rec/T-REC-G.711; where it leaves a choice, at the borders of negative values,
this does as the ITU's reference software (G.191). A byte is a sign, one of eight segments, each twice as coarse as the
one before, and one of sixteen steps in it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 8_000
"""Hz. The curves do not care; telephones do."""

Samples = npt.NDArray[np.int16]

_BIAS = 132  # mu-law: moves the segments' borders to powers of two
_MU_CLIP = 32_767 - _BIAS
_SIGN = 0x80
_EVEN_BITS = 0x55  # A-law inverts them, so that silence has edges to keep a line's clock by


def _mu_decoded() -> Samples:
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + _BIAS) << (code >> 4 & 0x07)) - _BIAS
    return np.where(code & _SIGN, -magnitude, magnitude).astype(np.int16)


def _a_decoded() -> Samples:
    code = np.arange(256) ^ _EVEN_BITS
    segment, step = code >> 4 & 0x07, (code & 0x0F) << 4
    magnitude = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & _SIGN, magnitude, -magnitude).astype(np.int16)


def _magnitudes() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Of all samples, in the order of their 16 bits taken as unsigned; negative ones by one's complement."""
    samples = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int64)
    return np.where(samples < 0, ~samples, samples), samples < 0


def _segments(magnitude: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0 below 256, then one more for each doubling."""
    _, exponent = np.frexp(magnitude)
    return np.maximum(exponent.astype(np.int64) - 8, 0)


def _mu_encoded() -> npt.NDArray[np.uint8]:
    magnitude, negative = _magnitudes()
    biased = np.minimum(magnitude, _MU_CLIP) + _BIAS
    segment = _segments(biased)
    code = segment << 4 | biased >> (segment + 3) & 0x0F
    return (~np.where(negative, code | _SIGN, code) & 0xFF).astype(np.uint8)


def _a_encoded() -> npt.NDArray[np.uint8]:
    magnitude, negative = _magnitudes()
    segment = _segments(magnitude)
    code = segment << 4 | magnitude >> np.maximum(segment + 3, 4) & 0x0F
    return (np.where(negative, code, code | _SIGN) ^ _EVEN_BITS).astype(np.uint8)


_MU_DECODED, _A_DECODED = _mu_decoded(), _a_decoded()
_MU_ENCODED, _A_ENCODED = _mu_encoded(), _a_encoded()


def decode_mulaw(data: bytes) -> Samples:
    """N bytes -> int16 (N,), at the same rate."""
    return _MU_DECODED[np.frombuffer(data, np.uint8)]


def decode_alaw(data: bytes) -> Samples:
    """N bytes -> int16 (N,), at the same rate."""
    return _A_DECODED[np.frombuffer(data, np.uint8)]


def encode_mulaw(samples: Samples) -> bytes:
    """int16 (N,) -> N bytes."""
    return _MU_ENCODED[samples.view(np.uint16)].tobytes()


def encode_alaw(samples: Samples) -> bytes:
    """int16 (N,) -> N bytes."""
    return _A_ENCODED[samples.view(np.uint16)].tobytes()
