from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.media import frames
from ingress.media.limits import Limits
from wire.audio import FRAME_BYTES

FOUND = frames.Found(container="wav", codec="pcm_s16le", seconds=None, sample_rate=8_000, channels=1)
PIECE = frames.Decoded(pcm=bytes(2 * FRAME_BYTES + 2), speech=b"\0\xff", read=0.5)


@pytest.mark.parametrize("frame", [FOUND, PIECE, frames.Finished(), frames.Refused(code="media_bomb", message="no")])
def test_what_the_child_tells_comes_whole(frame: frames.Frame) -> None:
    assert frames.told(frames.body(frame)) == frame


def test_what_it_is_asked_comes_whole() -> None:
    asked = frames.Decode(path="/tmp/a b", limits=Limits(max_seconds=7.0))
    assert frames.asked(frames.body(asked)) == asked


@pytest.mark.parametrize(
    "frame",
    [
        frames.Decoded(pcm=b"", speech=b"", read=0.0),
        frames.Decoded(pcm=bytes(FRAME_BYTES + 1), speech=b"\0", read=0.0),
        frames.Decoded(pcm=bytes(FRAME_BYTES), speech=b"", read=0.0),
        frames.Decoded(pcm=bytes(FRAME_BYTES * 64), speech=bytes(64), read=0.0),
        frames.Found(container="a", codec="b", seconds=1.0, sample_rate=0, channels=1),
        frames.Found(container="a", codec="b", seconds=1.0, sample_rate=8_000, channels=-1),
        frames.Decode(path="a", limits=Limits()),
    ],
)
def test_what_no_honest_child_says_is_refused(frame: frames.Frame) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec's own errors are of this kind, too
        frames.told(frames.body(frame))


@given(st.binary(max_size=60))
def test_anything_else_is_a_value_error(body: bytes) -> None:
    try:
        frames.told(body)
    except ValueError:
        return
    raise AssertionError(f"{body!r} was taken for a frame")
