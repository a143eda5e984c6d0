"""Checkpoints into CTranslate2's form, by CTranslate2's own converters, with the files that a node needs beside them.

checkpoint                          known by        converter           needs
Transformers: M2M-100, NLLB,        config.json     Transformers        torch, transformers: dragoman[convert]
    OPUS-MT, Whisper
OPUS-MT as Marian trained it        decoder.yml     OPUS-MT             nothing more
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from node_runtime import description
from node_runtime.description import Description
from node_runtime.engines import translate
from wire.errors import ModelMissing, SettingsError

QUANTIZATIONS = ("int8", "int8_float16", "int16", "float16", "float32")

_BESIDE = (
    ("source.spm", "target.spm"),
    ("sentencepiece.bpe.model",),
    ("tokenizer.json",),
)
"""Tokenizers: the first of these that a checkpoint has is copied."""
_MORE = ("tokenizer_config.json", "preprocessor_config.json")
"""Copied too where it is there: languages of OPUS-MT, features of Whisper."""


def is_checkpoint(directory: Path) -> bool:
    """Something that can be converted and is not yet."""
    there = any((directory / name).is_file() for name in ("config.json", "decoder.yml"))
    return there and not (directory / "model.bin").is_file()


def convert(
    checkpoint: Path,
    output: Path,
    *,
    quantization: str = "int8",
    languages: Iterable[str] = (),
    source: str = "",
    licence: str = "",
) -> None:
    """Write a model directory at `output`, which appears whole or not at all. `languages`, `source` and `licence` are
    for its description; a translation model's `languages` are the only ones that it will serve.

    Raises ModelMissing: no checkpoint, one that cannot be converted, or no torch; SettingsError: `output` is there.
    """
    if output.exists():
        raise SettingsError(f"{output} is there already: delete it, or give another name")
    if not is_checkpoint(checkpoint):
        raise ModelMissing(
            f"{checkpoint} is no checkpoint to convert: it needs a config.json (Transformers) or a decoder.yml "
            "(OPUS-MT), and no model.bin"
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as folder:
        made = Path(folder) / output.name  # an OPUS-MT model may say its languages by its name only
        try:
            _converter(checkpoint).convert(str(made), quantization=quantization)
        except (RuntimeError, ValueError, NotImplementedError, OSError, KeyError) as error:
            raise ModelMissing(f"{checkpoint} cannot be converted: {error}") from error
        for name in _beside(checkpoint):
            shutil.copyfile(checkpoint / name, made / name)
        description.write(made, Description(source or str(checkpoint), licence, list(languages)))
        if not _hears(checkpoint):
            try:
                check(made)
            except ModelMissing as error:
                raise ModelMissing(str(error).replace(str(made), str(checkpoint))) from error
        made.chmod(0o755)
        made.rename(output)


def check(directory: Path) -> dict[str, list[str]]:
    """Target languages of a translation model to their sources. Raises ModelMissing, saying what it lacks."""
    translate.pieces(directory)
    return translate.dialect(directory, translate.read_vocabulary(directory)).pairs


def _converter(checkpoint: Path) -> Any:
    from ctranslate2 import converters

    if (checkpoint / "decoder.yml").is_file():
        return converters.OpusMTConverter(str(checkpoint))
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise ModelMissing(
            f"converting this checkpoint needs {error.name}: pip install 'dragoman[convert]', here or on any other "
            "machine; what comes of it is a directory that can be copied"
        ) from error
    return converters.TransformersConverter(str(checkpoint))


def _beside(checkpoint: Path) -> list[str]:
    found = next((names for names in _BESIDE if (checkpoint / names[0]).is_file()), ())
    return [*found, *(name for name in _MORE if (checkpoint / name).is_file())]


def _hears(checkpoint: Path) -> bool:
    try:
        described = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Marian's own
        return False
    return bool(described.get("model_type") == "whisper")
