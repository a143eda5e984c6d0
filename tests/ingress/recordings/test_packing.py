"""A spool and what is made of it; test_spool's own business is here too."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ingress.recordings import packing
from ingress.recordings.asking import Asked
from ingress.recordings.gathering import Finished, Unspoken
from ingress.recordings.spool import Spool, Whole
from tests.ingress.recordings.scribe import sound
from wire.errors import DragomanError
from wire.options import Word
from wire.records import Failure, RecordedUtterance

FILES = [
    "transcript.json", "original.txt", "original.srt", "original.vtt", "en.txt", "en.srt", "en.vtt",
    "accuracy.json", "accuracy.md", "accuracy.txt", "en.mp3",
]  # fmt: skip


def utterance(number: int, text: str, **fields: Any) -> Finished:
    told = RecordedUtterance(
        utterance=number, start=10.0 * number, end=10.0 * number + 2, text=text, **{"language": "fr", **fields}
    )
    return Finished(told, [Word(text, told.start, told.end)] if text else [])


def spooled(folder: Path, reference: str = "Bonjour tout le monde") -> Path:
    folder.mkdir()
    spool = Spool(folder, ["en"])
    spool.keep(utterance(1, "Bonjour à tous.", translations={"en": "Hello <all> --> of you."}))
    spool.speak(1, "en", 10.0, sound(1.0), 16_000)
    spool.keep(Finished(RecordedUtterance(utterance=2, start=20.0, end=21.0), [], "noise"))
    spool.keep(utterance(3, "", errors=[Failure(code="timed_out", message="nobody")], language=""))
    spool.keep(utterance(4, "Good bye.", language="en", translations={"en": "Good bye."}))
    spool.keep(Unspoken(4, Failure(target="en", code="speech_unavailable", message="no voice")))
    spool.finish(Whole(Asked(name="a.wav", targets=["en"], reference=reference), ["en"], ["en"], 60.0))
    return folder


async def test_a_spool_becomes_a_zip_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(await packing.packed(spooled(tmp_path / "spool"))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == FILES
        read = {name: archive.read(name) for name in FILES}
    transcript = json.loads(read["transcript.json"])
    assert {key: transcript[key] for key in ("name", "duration", "source", "targets", "between", "speech")} == {
        "name": "a.wav", "duration": 60.0, "source": "auto", "targets": ["en"], "between": [], "speech": ["en"],
    }  # fmt: skip
    assert transcript["language"] == "en"  # as much as French, and before it in the alphabet
    assert transcript["empty"] == [{"utterance": 2, "start": 20.0, "end": 21.0, "reason": "noise"}]
    one, three, four = transcript["utterances"]
    assert one == {
        "utterance": 1, "start": 10.0, "end": 12.0, "language": "fr", "text": "Bonjour à tous.",
        "words": [{"text": "Bonjour à tous.", "start": 10.0, "end": 12.0}],
        "translations": {"en": "Hello <all> --> of you."}, "speech": {"en": {"start": 10.0, "end": 11.0}}, "errors": [],
    }  # fmt: skip
    assert three["errors"] == [{"target": None, "code": "timed_out", "message": "nobody"}]
    assert four["errors"] == [{"target": "en", "code": "speech_unavailable", "message": "no voice"}]
    assert "00:00:10,000 --> 00:00:12,000\nBonjour à tous." in read["original.srt"].decode()
    assert read["en.txt"].decode() == "Hello <all> --> of you.\n\nGood bye.\n"
    assert "Hello &lt;all&gt;" in read["en.vtt"].decode()
    assert json.loads(read["accuracy.json"])["words"]["reference"] == 4
    assert len(read["en.mp3"]) == pytest.approx(60 * 8000, rel=0.02)


def test_the_same_spool_gives_the_same_bytes_and_tells_no_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        packing.pack(spooled(tmp_path / name))
    one = (tmp_path / "one" / packing.RESULT).read_bytes()
    assert one == (tmp_path / "other" / packing.RESULT).read_bytes()
    with zipfile.ZipFile(tmp_path / "one" / packing.RESULT) as archive:
        assert {each.date_time for each in archive.infolist()} == {packing.LONG_AGO}


def test_without_a_reference_there_is_no_report(tmp_path: Path) -> None:
    packing.pack(spooled(tmp_path / "spool", reference=""))
    with zipfile.ZipFile(tmp_path / "spool" / packing.RESULT) as archive:
        assert not [name for name in archive.namelist() if name.startswith("accuracy")]


def test_of_two_languages_each_has_all_that_was_said(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    spool = Spool(folder, [])
    spool.keep(utterance(1, "Bonjour.", translations={"en": "Hello."}))
    spool.keep(utterance(2, "Goodbye.", language="en", translations={"fr": "Au revoir."}))
    spool.finish(Whole(Asked(between=["fr", "en"]), ["fr", "en"], [], 30.0))
    packing.pack(folder)
    with zipfile.ZipFile(folder / packing.RESULT) as archive:
        assert archive.read("fr.txt").decode() == "Bonjour.\n\nAu revoir.\n"
        assert archive.read("en.txt").decode() == "Hello.\n\nGoodbye.\n"


def test_of_a_recording_without_words_there_are_empty_files(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    Spool(folder, []).finish(Whole(Asked(reference="words"), ["en"], [], 5.0))
    packing.pack(folder)
    with zipfile.ZipFile(folder / packing.RESULT) as archive:
        assert archive.read("original.txt") == archive.read("en.srt") == b""
        assert json.loads(archive.read("accuracy.json"))["wer"] == 1.0


async def test_a_spool_that_is_broken_says_so(tmp_path: Path) -> None:
    with pytest.raises(DragomanError, match="could not be made"):
        await packing.packed(tmp_path)
