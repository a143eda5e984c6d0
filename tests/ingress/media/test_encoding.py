from __future__ import annotations

import io
import wave

import av
import numpy as np
import pytest

from ingress.media.encoding import CONTENT_TYPES, FORMATS, SAMPLE_RATE, Encoder, Format, wav_header
from tests.ingress.media.files import Samples, tone

SLACK = {"mp3": 0.1, "aac": 0.1, "opus": 0.021}
"""Seconds: a codec's padding, two frames."""
MUXERS = {"mp3": "mp3", "opus": "ogg", "aac": "aac", "flac": "flac", "wav": "wav"}


def encoded(format: Format, samples: Samples, rate: int, piece: int = 2_205) -> list[bytes]:
    encoder = Encoder(format, rate)
    pieces = [encoder.feed(samples[at : at + piece].tobytes()) for at in range(0, len(samples), piece)]
    return [*pieces, encoder.finish()]


def decoded(format: Format, data: bytes) -> tuple[Samples, int]:
    if format == "pcm":
        return np.frombuffer(data, "<i2"), SAMPLE_RATE
    with av.open(io.BytesIO(data), "r") as container:
        assert container.format.name == MUXERS[format]
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="s16", layout="mono")
        made = [again for frame in container.decode(stream) for again in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in made]), stream.rate


def chirp(seconds: float, rate: int) -> Samples:
    at = np.arange(round(seconds * rate)) / rate
    return (np.sin(2 * np.pi * (200 + 150 * at) * at) * 9000).astype(np.int16)


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000])
@pytest.mark.parametrize("format", FORMATS)
def test_what_was_encoded_sounds_as_before(format: Format, rate: int) -> None:
    heard, heard_rate = decoded(format, b"".join(encoded(format, chirp(2.0, rate), rate)))
    assert heard_rate == (48_000 if format == "opus" else SAMPLE_RATE)
    assert len(heard) / heard_rate == pytest.approx(2.0, abs=SLACK.get(format, 0.001))
    meant = chirp(2.0, heard_rate).astype(float)[2000:-6000]
    likeness = [
        np.corrcoef(heard[2000 + shift :][: len(meant)].astype(float), meant)[0, 1] for shift in range(-10, 2400, 2)
    ]
    assert max(likeness) > 0.98


@pytest.mark.parametrize("format", FORMATS)
def test_bytes_come_while_it_is_spoken(format: Format) -> None:
    pieces = encoded(format, chirp(2.0, 22_050), 22_050)
    assert sum(map(len, pieces[:10])) > 0.25 * sum(map(len, pieces))


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_said_is_still_a_file(format: Format) -> None:
    encoder = Encoder(format, 22_050)
    whole = encoder.feed(b"") + encoder.finish()
    assert bool(whole) is (format != "pcm")
    assert CONTENT_TYPES[format].startswith("audio/")


def test_raw_pcm_at_its_own_rate_is_untouched() -> None:
    sound = tone(0.3, SAMPLE_RATE)
    assert b"".join(encoded("pcm", sound, SAMPLE_RATE, 777)) == sound.tobytes()
    assert b"".join(encoded("wav", sound, SAMPLE_RATE, 777)) == wav_header() + sound.tobytes()
    heard, _ = decoded("flac", b"".join(encoded("flac", sound, SAMPLE_RATE)))
    assert heard.tobytes() == sound.tobytes()


def test_a_header_that_knows_the_length_says_it() -> None:
    with wave.open(io.BytesIO(wav_header(100) + bytes(200))) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels()) == (100, SAMPLE_RATE, 1)
