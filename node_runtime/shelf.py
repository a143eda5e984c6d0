"""Models that are known by name, and those that lie in the cache. `dragoman models` shows both.

A model in the cache is the directory `<cache>/models/<name>`; nodes find it by that name (node_runtime.catalog).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from node_runtime import catalog, conversion, description
from wire.errors import ModelMissing

Kind = Literal["hears", "translates", "speaks"]


def non_commercial(licence: str) -> bool:
    return "NC" in licence.upper().split("-")


class Known(NamedTuple):
    """`gigabytes` of the model as a node loads it (int8 where it is converted), by the number of its weights;
    `repository` on the hub, empty for what comes as a package. `converted`: there it has CTranslate2's form."""

    name: str
    kind: Kind
    languages: str
    gigabytes: float
    licence: str
    repository: str
    converted: bool = True


M2M = "100, each into each; Whisper hears 84"
NLLB = "200, each into each; Whisper hears 97"
WHISPER = "hears 99; any into English"

KNOWN = (
    Known("base", "hears", WHISPER, 0.15, "MIT", ""),
    Known("tiny.en", "hears", "hears English", 0.08, "MIT", ""),
    Known("whisper-small", "hears", WHISPER, 0.48, "MIT", "Systran/faster-whisper-small"),
    Known("whisper-medium", "hears", WHISPER, 1.5, "MIT", "Systran/faster-whisper-medium"),
    Known("whisper-large-v3", "hears", WHISPER, 3.1, "MIT", "Systran/faster-whisper-large-v3"),
    Known(
        "whisper-large-v3-turbo",
        "hears",
        "hears 99, translates none",
        1.6,
        "MIT",
        "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    ),
    Known("m2m100-418m", "translates", M2M, 0.5, "MIT", "facebook/m2m100_418M", False),
    Known("m2m100-1.2b", "translates", M2M, 1.3, "MIT", "facebook/m2m100_1.2B", False),
    Known("nllb-200-600m", "translates", NLLB, 0.6, "CC-BY-NC-4.0", "facebook/nllb-200-distilled-600M", False),
    Known("nllb-200-1.3b", "translates", NLLB, 1.4, "CC-BY-NC-4.0", "facebook/nllb-200-distilled-1.3B", False),
    Known("nllb-200-3.3b", "translates", NLLB, 3.4, "CC-BY-NC-4.0", "facebook/nllb-200-3.3B", False),
    Known("en_US-joe-medium", "speaks", "American English", 0.06, "CC0, by its card", ""),
)
OPUS = "Helsinki-NLP/"
OPUS_LICENCE = "CC-BY-4.0 or Apache-2.0: its card says"
VOICES = "rhasspy/piper-voices"


def known(name: str) -> Known | None:
    """By name or repository; any opus-mt-… is known too."""
    for each in KNOWN:
        if name in (each.name, each.repository):
            return each
    if (short := name.removeprefix(OPUS)).startswith("opus-mt-"):
        return Known(short, "translates", "those of its name", 0.08, OPUS_LICENCE, OPUS + short, False)
    return None


def place(cache: Path, name: str) -> Path:
    """Where the model `name` lies, or would."""
    return catalog.cached(name, cache)


class Held(NamedTuple):
    """A model in the cache."""

    name: str
    path: Path
    kind: Kind
    languages: str
    gigabytes: float
    licence: str


def held(cache: Path) -> Iterator[Held]:
    """Complete models in the cache, by name."""
    for path in sorted(place(cache, "").glob("[!.]*/")):
        if path == catalog.base_place(cache):  # it goes by the name `base`
            continue
        voice = (path / f"{path.name}.onnx").is_file()
        if voice or (path / "model.bin").is_file():
            kind, spoken = ("speaks", "one") if voice else _served(path)
            told = description.read(path)
            size = sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
            yield Held(path.name, path, kind, spoken, size / 1e9, told.licence)  # type: ignore[arg-type]


def _served(path: Path) -> tuple[Kind, str]:
    if (path / "tokenizer.json").is_file() and not (path / "sentencepiece.bpe.model").is_file():
        return "hears", "those of its tokens"
    try:
        pairs = conversion.check(path)
    except ModelMissing as error:
        return "translates", str(error)
    sources = sorted({source for each in pairs.values() for source in each})
    return "translates", f"{_some(sources)} into {_some(sorted(pairs))}"


def _some(codes: list[str]) -> str:
    return ", ".join(codes) if len(codes) <= 8 else f"{len(codes)} languages"
