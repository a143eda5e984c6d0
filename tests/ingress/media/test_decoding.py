"""Real files, a real process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import av
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingress.media import decoding, frames
from ingress.media.decoding import Stretch, opened
from ingress.media.encoding import SAMPLE_RATE, Encoder, wav_header
from ingress.media.errors import MediaError
from ingress.media.frames import PIECE_FRAMES
from ingress.media.limits import Limits
from ingress.media.spare import Spare
from tests.ingress.media.files import KINDS, film, frequency, tone, written
from tests.waiting import until
from wire import pipes
from wire.audio import FRAME_BYTES
from wire.errors import ModelMissing

pytestmark = pytest.mark.models


@pytest.mark.parametrize(("name", "codec"), KINDS.items())
async def test_any_form_becomes_pcm_with_speech_probabilities(
    name: str, codec: str, tmp_path: Path, spare: Spare
) -> None:
    path = written(tmp_path / name, codec, tone(2.5, 48_000), channels=2 if name == "a.mp4" else 1)
    async with opened(path, spare=spare) as audio:
        stretches = [stretch async for stretch in audio]
        assert audio.done == 1.0
        assert audio.seconds == pytest.approx(2.5, abs=0.05)
        assert audio.duration == pytest.approx(2.5, abs=0.1)
        assert (audio.sample_rate, audio.channels) == (48_000, 2 if name == "a.mp4" else 1)
    whole = Stretch(b"".join(each.pcm for each in stretches), b"".join(each.speech for each in stretches))
    assert {len(each.speech) for each in stretches[:-1]} == {PIECE_FRAMES}
    assert len(whole.speech) == len(whole.pcm) // FRAME_BYTES
    assert frequency(whole.pcm) == pytest.approx(440, abs=12)


async def test_a_sound_of_unknown_length_is_followed_by_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    encoder = Encoder("flac", SAMPLE_RATE)
    path.write_bytes(encoder.feed(tone(4.0, SAMPLE_RATE).tobytes()) + encoder.finish())
    async with opened(path) as audio:
        assert audio.duration is None
        done = [audio.done async for _ in audio]
    assert done == sorted(done)
    assert 0.0 < done[0] <= 1.0


async def test_the_child_waits_until_it_is_listened_to(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", "pcm_s16le", tone(300.0, 16_000), 16_000)
    async with opened(path) as audio:
        await anext(audio)
        child = psutil.Process(audio._process.pid)
        (file,) = [each for each in child.open_files() if each.path == str(path)]
        places: list[int] = []

        async def waits() -> bool:
            places.append(int(re.search(r"pos:\s*(\d+)", fdinfo(child.pid, file.fd)).group(1)))  # type: ignore[union-attr]
            return child.status() == psutil.STATUS_SLEEPING and places[-3:].count(places[-1]) == 3

        await until(waits)
        assert places[-1] < path.stat().st_size / 3
        assert sum([len(stretch.pcm) async for stretch in audio]) > 290 * 32_000


def fdinfo(pid: int, fd: int) -> str:
    return Path(f"/proc/{pid}/fdinfo/{fd}").read_text()


# --- refusals ---


async def heard(path: Path, limits: Limits | None = None, signalled: int = 0) -> int:
    """Bytes of PCM. The child gets a signal after the first of them."""
    async with opened(path, limits) as audio:
        count = len((await anext(audio)).pcm)
        if signalled:
            os.kill(audio._process.pid, signalled)
        return count + sum([len(stretch.pcm) async for stretch in audio])


async def refused(path: Path, limits: Limits | None = None, signalled: int = 0) -> MediaError:
    with pytest.raises(MediaError) as refusal:
        await heard(path, limits, signalled)
    return refusal.value


async def test_each_refusal_has_its_code(tmp_path: Path) -> None:
    assert (await refused(film(tmp_path / "a.mp4"))).code == "media_without_audio"
    assert (await refused(tmp_path / "none.wav")).code == "media_unreadable"
    long = written(tmp_path / "a.wav", "pcm_s16le", tone(3.0, 16_000), 16_000)
    assert (await refused(long, Limits(max_seconds=2.0))).code == "media_too_long"
    endless = tmp_path / "b.wav"
    endless.write_bytes(wav_header(None, 16_000) + tone(3.0, 16_000).tobytes())
    assert (await refused(endless, Limits(max_seconds=2.0))).code == "media_too_long"


async def test_a_bomb_is_stopped(tmp_path: Path) -> None:
    """FLAC writes eight seconds of silence in a dozen bytes."""
    path = tmp_path / "a.flac"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=8_000)
        stream.codec_context.options = {"frame_size": "65535"}
        silence = av.AudioFrame("s16", "mono", 8_000 * 600)
        silence.planes[0].update(bytes(silence.planes[0].buffer_size))
        silence.sample_rate = 8_000
        for number in range(2):
            silence.pts = number * silence.samples
            container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    assert path.stat().st_size < 15_000
    error = await refused(path)
    assert error.code == "media_bomb"
    assert f"{path.stat().st_size} bytes" in str(error)


async def test_a_child_that_hangs_is_given_up(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", "pcm_s16le", tone(60.0, 16_000), 16_000)
    assert (await refused(path, Limits(stall_s=0.8), signal.SIGSTOP)).code == "media_stalled"


@pytest.mark.parametrize(
    ("how", "code"),
    [(signal.SIGSEGV, "media_unreadable"), (signal.SIGXCPU, "media_bomb")],
)
async def test_a_crash_costs_that_file_only(how: signal.Signals, code: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", "pcm_s16le", tone(60.0, 16_000), 16_000)
    async with opened(path) as other:
        assert (await refused(path, signalled=how)).code == code
        assert sum([len(stretch.pcm) async for stretch in other]) == 60 * 32_000


async def test_leaving_early_or_being_cancelled_kills_the_child(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", "pcm_s16le", tone(60.0, 16_000), 16_000)
    async with opened(path) as audio:
        await anext(audio)
    assert audio._process.returncode == -signal.SIGKILL
    pids: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()

    async def hold() -> None:
        async with opened(path) as audio:
            pids.put_nowait(audio._process)
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    process = await pids.get()
    task.cancel()
    await asyncio.wait([task])
    assert process.returncode == -signal.SIGKILL


async def test_a_missing_model_is_not_the_files_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = frames.Refused(code="model_missing", message="install it")
    (tmp_path / "said").write_bytes(pipes.pack(frames.body(told)))
    monkeypatch.setattr(decoding, "launch", saying(tmp_path / "said"))
    with pytest.raises(ModelMissing, match="install it"):
        async with opened(tmp_path / "a.wav"):
            pass


# --- a child that was taken over ---


def saying(path: Path) -> Callable[[], Awaitable[asyncio.subprocess.Process]]:
    """Starts a process that says what is in the file."""

    async def launch() -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec("cat", str(path), stdin=pipe, stdout=pipe)

    return launch


FOUND = pipes.pack(frames.body(frames.Found(container="a", codec="b", seconds=1.0, sample_rate=8_000, channels=1)))
PIECE = pipes.pack(frames.body(frames.Decoded(pcm=bytes(2), speech=b"", read=0.0)))


@pytest.mark.parametrize(
    "said",
    [b"", b"\xff" * 100, PIECE, FOUND, FOUND + FOUND, FOUND + PIECE, FOUND + pipes.pack(b""), FOUND + b"\x05\0\0\0abc"],
)
async def test_whatever_the_child_says_is_an_answer_or_an_error(
    said: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "said").write_bytes(said)
    monkeypatch.setattr(decoding, "launch", saying(tmp_path / "said"))
    assert (await refused(tmp_path / "a.wav")).code == "media_unreadable"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=200))
def test_noise_is_an_error(noise: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "said").write_bytes(FOUND + noise)
    monkeypatch.setattr(decoding, "launch", saying(tmp_path / "said"))
    assert asyncio.run(refused(tmp_path / "a.wav")).code == "media_unreadable"
