from __future__ import annotations

import wave
from pathlib import Path

import pytest

from cli.events import SpeechFrame
from cli.speech_files import USUAL_RATE, paths, saving
from tests.cli.sound import tone
from wire.errors import ClientError


def read(path: Path) -> tuple[int, bytes]:
    with wave.open(str(path)) as file:
        return file.getframerate(), file.readframes(1 << 20)


def test_one_target_has_the_file_and_several_have_one_each(tmp_path: Path) -> None:
    assert paths(tmp_path / "x.wav", ["en"]) == {"en": tmp_path / "x.wav"}
    assert paths(tmp_path / "x.wav", ["en", "de"]) == {"en": tmp_path / "x.en.wav", "de": tmp_path / "x.de.wav"}


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="there is no directory"):
        paths(tmp_path / "none" / "x.wav", ["en"])
    with pytest.raises(ClientError, match="nothing can be written there"):
        paths(tmp_path, ["en"])
    with pytest.raises(ClientError, match=r"--save-speech .*x\.wav"), saving({"en": tmp_path / "none" / "x.wav"}):
        pass


def test_frames_follow_each_other_at_the_rate_of_the_first(tmp_path: Path) -> None:
    with saving({"en": tmp_path / "x.wav"}) as files:
        files.write(SpeechFrame(1, "en", 0, 16_000, tone(0.5)))
        files.write(SpeechFrame(1, "fr", 0, 8_000, tone(0.5)))
        files.write(SpeechFrame(2, "en", 0, 8_000, tone(0.5, 8_000)))
    rate, pcm = read(tmp_path / "x.wav")
    assert rate == 16_000
    assert pcm[:16_000] == tone(0.5)
    assert len(pcm) == 32_000


def test_a_file_is_whole_even_where_nobody_closes_it(tmp_path: Path) -> None:
    with saving({"en": tmp_path / "x.wav"}) as files:
        files.write(SpeechFrame(1, "en", 0, 16_000, tone(0.5)))
        assert len(read(tmp_path / "x.wav")[1]) > 8_000


def test_without_speech_the_file_is_a_valid_one(tmp_path: Path) -> None:
    with saving({"en": tmp_path / "x.wav"}):
        pass
    assert read(tmp_path / "x.wav") == (USUAL_RATE, b"")
