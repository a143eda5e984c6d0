from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np
import pytest

from ingress.media import g711
from ingress.media.g711 import Samples
from tests.ingress.media.files import tone

CURVES = [
    pytest.param(g711.encode_mulaw, g711.decode_mulaw, "pcm_mulaw", id="mu-law"),
    pytest.param(g711.encode_alaw, g711.decode_alaw, "pcm_alaw", id="A-law"),
]
Encode = Callable[[Samples], bytes]
Decode = Callable[[bytes], Samples]

EVERY_BYTE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32_768, 32_768).astype(np.int16)

MU_LAW = {0xFF: 0, 0x7F: 0, 0xFE: 8, 0x7E: -8, 0xF0: 120, 0xEF: 132, 0x80: 32_124, 0x00: -32_124, 0x8F: 16_764}
A_LAW = {0xD5: 8, 0x55: -8, 0xD4: 24, 0xC5: 264, 0x45: -264, 0xAA: 32_256, 0x2A: -32_256, 0x80: 5_504}
"""Lines of the tables in G.711, scaled to 16 bits."""


@pytest.mark.parametrize(("decode", "table"), [(g711.decode_mulaw, MU_LAW), (g711.decode_alaw, A_LAW)])
def test_bytes_mean_what_the_recommendation_says(decode: Decode, table: dict[int, int]) -> None:
    assert dict(zip(table, decode(bytes(table)).tolist(), strict=True)) == table


@pytest.mark.parametrize(("encode", "decode", "codec"), CURVES)
def test_ffmpeg_decodes_the_same(encode: Encode, decode: Decode, codec: str) -> None:
    context = av.CodecContext.create(codec, "r")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout = 8_000, "mono"
    (frame,) = context.decode(av.Packet(EVERY_BYTE))
    assert frame.to_ndarray().reshape(-1).tolist() == decode(EVERY_BYTE).tolist()


@pytest.mark.parametrize(("encode", "decode", "codec"), CURVES)
def test_what_was_decoded_is_encoded_as_it_was(encode: Encode, decode: Decode, codec: str) -> None:
    again = encode(decode(EVERY_BYTE))
    assert [byte for byte in EVERY_BYTE if again[byte] != byte] == ([0x7F] if codec == "pcm_mulaw" else [])  # minus 0


@pytest.mark.parametrize(("encode", "decode", "codec"), CURVES)
def test_every_sample_becomes_its_nearest_step_but_for_borders(encode: Encode, decode: Decode, codec: str) -> None:
    heard = decode(encode(EVERY_SAMPLE)).astype(int)
    steps = np.unique(decode(EVERY_BYTE).astype(int))
    at = np.searchsorted(steps, EVERY_SAMPLE).clip(1, len(steps) - 1)
    nearest = np.minimum(abs(steps[at] - EVERY_SAMPLE), abs(steps[at - 1] - EVERY_SAMPLE))
    assert (abs(heard - EVERY_SAMPLE) - nearest).max() <= 256  # a quarter of the coarsest step, where two segments meet
    assert (abs(heard - EVERY_SAMPLE) == nearest).mean() > 0.98
    assert (np.diff(heard) >= 0).all()


def test_a_tone_keeps_its_shape() -> None:
    sound = tone(0.5, g711.SAMPLE_RATE)
    for encode, decode in ((g711.encode_mulaw, g711.decode_mulaw), (g711.encode_alaw, g711.decode_alaw)):
        noise = decode(encode(sound)).astype(float) - sound
        assert 10 * np.log10((sound.astype(float) ** 2).mean() / (noise**2).mean()) > 35
    assert g711.encode_mulaw(np.empty(0, np.int16)) == b""
