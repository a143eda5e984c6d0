"""The zip file that somebody gets of a recording, made of a spool folder.

`python -m ingress.recordings.packing FOLDER` is a process of its own, because setting hours of subtitles and aligning
them with a reference would hold up everybody else's audio. The same spool gives the same bytes: nothing in them tells
when or where they were made.
"""

from __future__ import annotations

import asyncio
import json
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ingress.media.spare import end
from ingress.recordings import accuracy, spool
from ingress.recordings.gathering import Finished, Unspoken
from ingress.recordings.spool import Placed, Whole
from ingress.subtitles import cues, files
from ingress.subtitles.timing import Passage
from wire.errors import DragomanError

RESULT = "result.zip"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
ORIGINAL = "original"


async def packed(folder: Path) -> Path:
    """The zip file. The process ends with the block that waits for it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingress.recordings.packing", str(folder), stderr=asyncio.subprocess.PIPE
    )
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        await end(process)
        raise
    if process.returncode:
        raise DragomanError(f"the result could not be made: {said.decode(errors='replace')[-500:]}")
    return folder / RESULT


def pack(folder: Path) -> None:
    whole = msgspec.json.decode((folder / spool.ASKED).read_bytes(), type=Whole)
    found = list(spool.read(folder / spool.UTTERANCES, Finished))
    with zipfile.ZipFile(folder / RESULT, "w") as archive:
        for name, text in _texts(folder, whole, found):
            _write(archive, name, text.encode())
        for target in whole.spoken:
            _copy(archive, f"{target}.mp3", folder / f"{target}.mp3")


def _texts(folder: Path, whole: Whole, found: list[Finished]) -> Iterator[tuple[str, str]]:
    yield "transcript.json", json.dumps(transcript(folder, whole, found), ensure_ascii=False, indent=1) + "\n"
    heard = [each for each in found if each.told.text]
    passages = [Passage(each.told.start, each.told.end, each.told.text, each.words) for each in heard]
    told = [(passage, passage.text) for passage in passages]
    yield from _readable(ORIGINAL, told, language(found), cues.of_original(passages))
    for target in whole.targets:
        pairs = zip(passages, heard, strict=True)
        told = [(passage, text) for passage, each in pairs if (text := _said_in(each, target))]
        yield from _readable(target, told, target, cues.of_translation(told))
    if whole.asked.reference:
        measured = accuracy.compared(whole.asked.reference, " ".join(each.told.text for each in heard))
        yield "accuracy.json", json.dumps(accuracy.as_json(measured), ensure_ascii=False, indent=1) + "\n"
        yield "accuracy.md", accuracy.as_markdown(measured)
        yield "accuracy.txt", accuracy.as_text(measured)


def _readable(
    name: str, told: list[tuple[Passage, str]], language: str, subtitles: list[cues.Cue]
) -> Iterator[tuple[str, str]]:
    yield f"{name}.txt", files.text(told, language)
    yield f"{name}.srt", files.srt(subtitles)
    yield f"{name}.vtt", files.vtt(subtitles)


def _said_in(each: Finished, target: str) -> str:
    """What was said in the target's own language needs no translation, and between two languages has none."""
    return each.told.translations.get(target) or (each.told.text if each.told.language == target else "")


def language(found: list[Finished]) -> str:
    """That most was said in, by time."""
    spoken: Counter[str] = Counter()
    for each in found:
        if each.told.text:
            spoken[each.told.language] += round(1000 * (each.told.end - each.told.start))
    return min(spoken, key=lambda each: (-spoken[each], each), default="")


def transcript(folder: Path, whole: Whole, found: list[Finished]) -> dict[str, Any]:
    """`transcript.json`, as docs/recordings.md has it."""
    speech: dict[int, dict[str, dict[str, float]]] = {}
    for target in whole.spoken:
        for place in spool.read(folder / f"{target}.jsonl", Placed):
            speech.setdefault(place.utterance, {})[target] = {"start": place.start, "end": place.end}
    missing: dict[int, list[dict[str, Any]]] = {}
    for unspoken in spool.read(folder / spool.UNSPOKEN, Unspoken):
        missing.setdefault(unspoken.utterance, []).append(msgspec.to_builtins(unspoken.failure))
    asked = whole.asked
    return {
        "name": asked.name,
        "duration": whole.duration,
        "source": asked.source,
        "targets": whole.targets,
        "between": asked.between,
        "speech": whole.spoken,
        "language": language(found),
        "utterances": [
            _utterance(each, speech.get(each.told.utterance, {}), missing.get(each.told.utterance, []))
            for each in found
            if not each.empty
        ],
        "empty": [
            {
                "utterance": each.told.utterance,
                "start": round(each.told.start, 3),
                "end": round(each.told.end, 3),
                "reason": each.empty,
            }
            for each in found
            if each.empty
        ],
    }


def _utterance(each: Finished, speech: dict[str, dict[str, float]], missing: list[dict[str, Any]]) -> dict[str, Any]:
    told = each.told
    errors = [*(msgspec.to_builtins(error) for error in told.errors), *missing]
    return {
        "utterance": told.utterance,
        "start": round(told.start, 3),
        "end": round(told.end, 3),
        "language": told.language,
        "text": told.text,
        "words": [{"text": word.text, "start": round(word.start, 3), "end": round(word.end, 3)} for word in each.words],
        "translations": told.translations,
        "speech": dict(sorted(speech.items())),
        "errors": sorted(errors, key=lambda error: (error["target"] or "", error["code"])),
    }


def _entry(name: str, method: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, LONG_AGO)
    entry.compress_type = method
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(_entry(name, zipfile.ZIP_DEFLATED), data)


def _copy(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """Sound is packed already."""
    entry = _entry(name, zipfile.ZIP_STORED)
    entry.file_size = path.stat().st_size
    with path.open("rb") as source, archive.open(entry, "w") as inside:
        while piece := source.read(1024 * 1024):
            inside.write(piece)


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
