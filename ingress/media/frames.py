"""What the decoding process and its parent say to each other: MessagePack in the frames of `wire.pipes`. PURE.

parent -> child   Decode, once
child -> parent   Found once, Decoded for each piece, Finished; or Refused, at any point and last

The child has taken in a stranger's file, and is not trusted: the parent checks what it says.
"""

from __future__ import annotations

import msgspec

from ingress.media.limits import Limits
from wire.audio import FRAME_BYTES, FRAME_SAMPLES, SAMPLE_RATE

PIECE_FRAMES = SAMPLE_RATE // FRAME_SAMPLES
"""Frames of speech probability in a piece, the last piece apart: about a second."""
PIECE_BYTES = PIECE_FRAMES * FRAME_BYTES

MAX_FRAME = 2 * PIECE_BYTES


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="frame", tag=str.lower):
    """Base of all."""


class Decode(Frame, frozen=True, kw_only=True):
    path: str
    limits: Limits


class Found(Frame, frozen=True, kw_only=True):
    """The file's sound: `seconds` as its header says, None where it says nothing."""

    container: str
    codec: str
    seconds: float | None
    sample_rate: int
    channels: int


class Decoded(Frame, frozen=True, kw_only=True):
    """PCM16 at 16 kHz, mono; `speech` a byte for each 512 samples of it that are complete; `read`: the share of the
    file's bytes that has been read, 0 to 1."""

    pcm: bytes
    speech: bytes
    read: float


class Finished(Frame, frozen=True, kw_only=True):
    """That was all of it."""


class Refused(Frame, frozen=True, kw_only=True):
    """It cannot be decoded (any further). `code` as in ingress.media.errors, or another of Dragoman's."""

    code: str
    message: str


ToParent = Found | Decoded | Finished | Refused

_encoder = msgspec.msgpack.Encoder()
_to_child = msgspec.msgpack.Decoder(Decode)
_to_parent = msgspec.msgpack.Decoder(ToParent)


def body(frame: Frame) -> bytes:
    return _encoder.encode(frame)


def asked(body: bytes) -> Decode:
    return _to_child.decode(body)


def told(body: bytes) -> ToParent:
    """Raises ValueError where this is no frame, or carries what no honest child would send."""
    frame: ToParent = _to_parent.decode(body)
    match frame:
        case Decoded(pcm=pcm, speech=speech) if (
            not pcm or len(pcm) > PIECE_BYTES or len(pcm) % 2 or len(speech) != len(pcm) // FRAME_BYTES
        ):
            raise ValueError(f"a piece of {len(pcm)} bytes with {len(speech)} probabilities")
        case Found(sample_rate=rate, channels=channels) if rate <= 0 or channels <= 0:
            raise ValueError(f"a sound of {rate} Hz in {channels} channels")
    return frame
