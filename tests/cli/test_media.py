from __future__ import annotations

import asyncio
import itertools
import os
from array import array
from pathlib import Path

import av
import numpy as np
import pytest

from cli import media
from cli.media import Audio, duration, opened, piped
from tests.cli.sound import tone, wav
from wire.errors import AudioUnreadable


async def whole(audio: Audio) -> bytes:
    return b"".join([piece async for piece in audio.chunks])


async def test_a_file_comes_in_pieces_of_100_ms(tmp_path: Path) -> None:
    with opened(wav(tmp_path / "a.wav", 0.55)) as audio:
        pieces = [piece async for piece in audio.chunks]
        assert audio.seconds == pytest.approx(0.55)
        assert not audio.live
    assert [len(piece) for piece in pieces] == [media.CHUNK_BYTES] * 5 + [media.CHUNK_BYTES // 2]
    assert b"".join(pieces) == tone(0.55)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (48_000, 1)])
async def test_any_rate_and_channels_become_16_khz_mono(tmp_path: Path, rate: int, channels: int) -> None:
    with opened(wav(tmp_path / "a.wav", 1.0, rate, channels)) as audio:
        pcm = await whole(audio)
    assert duration(pcm) == pytest.approx(1.0, abs=0.01)
    samples = array("h", pcm)
    crossings = sum(a < 0 <= b for a, b in itertools.pairwise(samples))
    assert crossings == pytest.approx(440, abs=3)


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.flac", "flac"), ("a.mp4", "aac")])
async def test_compressed_files_are_decoded(tmp_path: Path, name: str, codec: str) -> None:
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=44_100)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        samples = np.frombuffer(tone(1.0, 44_100), "<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 44_100
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=44_100, frame_size=stream.frame_size)
        for made in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(made))
        container.mux(stream.encode(None))
    with opened(tmp_path / name) as audio:
        assert duration(await whole(audio)) == pytest.approx(1.0, abs=0.1)


async def test_a_file_that_breaks_off_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    file = wav(tmp_path / "a.wav", 1.0)
    file.write_bytes(file.read_bytes()[:20_001])
    with opened(file) as audio:
        assert duration(await whole(audio)) == pytest.approx(0.62, abs=0.05)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"Dear Sir or Madam,\n" * 100, "is not audio"),
        (b"ID3\x04\0\0\0\0\0\x00" + bytes(range(256)) * 20, "audio"),
        (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80>\0\0\0}\0\0\x02\0\x10\0data\0\0\0\0", "no audio"),
    ],
)
def test_a_file_without_audio_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "a.mp3"
    file.write_bytes(content)
    with pytest.raises(AudioUnreadable, match=rf"a\.mp3 .*{told}"), opened(file):
        pass


def test_a_film_without_sound_is_named(tmp_path: Path) -> None:
    file = tmp_path / "silent.mp4"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width = stream.height = 16
        frame = av.VideoFrame(16, 16, "yuv420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(AudioUnreadable, match="has no sound in it"), opened(file):
        pass


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioUnreadable, match=r"there is no file .*none\.wav"), opened(tmp_path / "none.wav"):
        pass
    with pytest.raises(AudioUnreadable, match="is a directory"), opened(tmp_path):
        pass


# --- raw ------------------------------------------------------------------------------------------------------------


async def test_a_pipe_is_read_as_it_comes() -> None:
    reading, writing = os.pipe()
    os.write(writing, tone(0.15))
    audio = await piped(reading)
    assert audio.live
    pieces = aiter(audio.chunks)
    assert await anext(pieces) == tone(0.1)
    waiting = asyncio.ensure_future(anext(pieces))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    os.write(writing, tone(0.05) + b"\1")
    async with asyncio.timeout(5):
        assert len(await waiting) == media.CHUNK_BYTES
    os.close(writing)
    assert [piece async for piece in pieces] == []  # half a sample is none
    os.close(reading)


async def test_a_plain_file_as_stdin_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(tone(0.25))
    with (tmp_path / "a.raw").open("rb") as file:
        assert await whole(await piped(file.fileno())) == tone(0.25)


async def test_waiting_for_a_pipe_can_be_given_up() -> None:
    reading, writing = os.pipe()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await piped(reading)
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(("content", "told"), [(b"", "is empty"), (b"\1", "is empty"), (b"fLaC\0\0", "not raw PCM16")])
async def test_stdin_that_is_not_raw_audio_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "a.raw").write_bytes(content)
    with (tmp_path / "a.raw").open("rb") as file, pytest.raises(AudioUnreadable, match=told):
        await piped(file.fileno())


async def test_a_terminal_is_no_source_of_audio() -> None:
    master, terminal = os.openpty()
    with pytest.raises(AudioUnreadable, match="stdin is a terminal"):
        await piped(terminal)
    os.close(master)
    os.close(terminal)
