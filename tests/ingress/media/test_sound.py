"""Decoding, in this very process: files here are the tests' own."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ingress.media import sound
from ingress.media.encoding import wav_header
from ingress.media.errors import MediaUnreadable, MediaWithoutAudio
from tests.ingress.media.files import Samples, film, frequency, tone, written
from wire.audio import samples


def heard(path: Path) -> Samples:
    with path.open("rb") as file, sound.opened(file) as opened:
        return np.concatenate(list(opened.pcm()))


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 1), (22_050, 2), (96_000, 2)])
def test_any_rate_and_channels_become_16_khz_mono(rate: int, channels: int, tmp_path: Path) -> None:
    pcm = heard(written(tmp_path / "a.wav", "pcm_s16le", tone(1.5, rate), rate, channels))
    assert len(pcm) == pytest.approx(24_000, abs=40)
    assert frequency(pcm.tobytes()) == pytest.approx(440, abs=8)
    assert abs(int(pcm[4000:20_000].max()) - 8000) < 250


def test_what_is_known_of_a_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.flac", "flac", tone(1.5, 44_100), 44_100, 2)
    with path.open("rb") as file, sound.opened(file) as opened:
        found = opened.found
    assert (found.container, found.codec, found.sample_rate, found.channels) == ("flac", "flac", 44_100, 2)
    assert found.seconds == pytest.approx(1.5)


def test_sound_that_begins_after_the_picture_keeps_its_place(tmp_path: Path) -> None:
    pcm = heard(written(tmp_path / "a.mkv", "flac", tone(1.0, 48_000), begins=2.0))
    assert len(pcm) == pytest.approx(samples(3.0), abs=200)
    assert not pcm[: samples(1.98)].any()
    assert frequency(pcm[samples(2.0) :].tobytes()) == pytest.approx(440, abs=8)


@pytest.mark.parametrize(("begins", "hole"), [(0.1, 0.0), (3.0, 3.0), (4000.0, 0.0)])
def test_a_hole_is_filled_but_jitter_and_nonsense_are_not(begins: float, hole: float) -> None:
    clock = sound.Clock(0)
    frame = av.AudioFrame("s16", "mono", 160)
    frame.sample_rate, frame.time_base = 16_000, Fraction(1, 16_000)
    frame.pts = round(begins * 16_000)
    assert sum(map(len, clock.hole(frame))) == samples(hole)
    frame.pts += 160
    assert sum(map(len, clock.hole(frame))) == 0


def test_rate_and_channels_may_change_on_the_way(tmp_path: Path) -> None:
    one = written(tmp_path / "a.mp3", "libmp3lame", tone(1.0, 44_100), 44_100, 2).read_bytes()
    other = written(tmp_path / "b.mp3", "libmp3lame", tone(1.0, 16_000), 16_000, 1).read_bytes()
    (tmp_path / "c.mp3").write_bytes(one + other)
    pcm = heard(tmp_path / "c.mp3")
    assert len(pcm) == pytest.approx(samples(2.0), abs=samples(0.2))
    assert frequency(pcm.tobytes()) == pytest.approx(440, abs=20)


def test_a_file_that_breaks_off_is_heard_as_far_as_it_goes(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ogg", "libopus", tone(6.0, 48_000))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert 2.9 < len(heard(path)) / 16_000 < 4.2  # Ogg's pages are of a second


@pytest.mark.parametrize(
    "content",
    [b"", b"Dear Sir or Madam,\n" * 300, b"ID3\x04\0\0\0\0\0\x00" + bytes(range(256)) * 20, b"\x89PNG\r\n\x1a\n"],
)
def test_what_is_no_recording_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(content)
    with pytest.raises(MediaUnreadable):
        heard(tmp_path / "a.mp3")


def test_a_film_without_sound_and_a_recording_of_no_length_have_none(tmp_path: Path) -> None:
    with pytest.raises(MediaWithoutAudio, match="no sound"):
        heard(film(tmp_path / "a.mp4"))
    (tmp_path / "b.wav").write_bytes(wav_header(0))
    with pytest.raises(MediaWithoutAudio, match="no length"):
        heard(tmp_path / "b.wav")


# --- files that name others ---

FOREIGN = [
    b"#EXTM3U\n#EXTINF:1.0,\nfile:///etc/passwd\n",
    b"\xef\xbb\xbf\n#EXTM3U\n#EXTINF:1.0,\nhttp://127.0.0.1/a.ts\n",
    b"ffconcat version 1.0\nfile 'secret.wav'\n",
    b"[playlist]\nFile1=http://127.0.0.1/a.mp3\n",
    b'<?xml version="1.0"?><MPD type="static"><BaseURL>http://127.0.0.1</BaseURL></MPD>',
    b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
]


@pytest.mark.parametrize("content", FOREIGN)
def test_a_playlist_is_refused_for_what_it_is(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(content)
    with pytest.raises(MediaUnreadable, match="is a playlist"):
        heard(tmp_path / "a.mp3")


class Site(http.server.BaseHTTPRequestHandler):
    """Inside the firewall. Counts who asks."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Site.asked = 0
    with http.server.HTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["concat", "local", "remote"])
def attack(request: pytest.FixtureRequest, tmp_path: Path, site: str) -> Path:
    """A file that makes FFmpeg read another one, or ask the site."""
    written(tmp_path / "secret.wav", "pcm_s16le", tone(1.0, 16_000), 16_000)
    written(tmp_path / "secret.ts", "aac", tone(1.0, 48_000))
    list_of = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{}/secret.ts\n#EXT-X-ENDLIST\n"
    content = {
        "concat": "ffconcat version 1.0\nfile secret.wav\n",
        "local": list_of.format(tmp_path),
        "remote": list_of.format(site),
    }[request.param]
    path = tmp_path / "upload.m3u8"
    path.write_text(content)
    return path


NEVER = re.compile("never")


def test_bare_ffmpeg_falls_for_them(attack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests below stop is real."""
    monkeypatch.setattr(sound, "_PLAYLIST", re.compile(b"never"))
    monkeypatch.setattr(sound, "_REFERRING", NEVER)
    monkeypatch.setattr(sound, "NO_PROTOCOL", "file,http,tcp")
    with contextlib.suppress(MediaUnreadable):
        assert len(heard(attack)) > 15_000
    assert Site.asked or "127.0.0.1" not in attack.read_text()


@pytest.mark.parametrize("layer", ["formats", "protocols"])
def test_each_fence_stops_them_alone(layer: str, attack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "_PLAYLIST", re.compile(b"never"))
    if layer == "protocols":
        monkeypatch.setattr(sound, "_REFERRING", NEVER)
    else:
        monkeypatch.setattr(sound, "NO_PROTOCOL", "file,http,tcp")
    with pytest.raises(MediaUnreadable):
        heard(attack)
    assert Site.asked == 0
