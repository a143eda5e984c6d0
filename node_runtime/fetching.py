"""Models brought into the cache: copied from a directory, or fetched from the Hugging Face hub, file by file.

What is under way lies in a hidden directory beside its place and is taken up again there: what stands in its place is
whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from node_runtime import catalog, description
from node_runtime.description import Description
from node_runtime.shelf import VOICES
from wire.errors import ModelMissing, SettingsError

BLOCK = 1 << 20
WEIGHTS = "model.bin"
_SAFE = ".safetensors"
_TEXTS = (".json", ".txt", ".model", ".spm", ".yml")


class Listing(NamedTuple):
    """A repository of the hub. `licence` as its card names it, or empty."""

    repository: str
    commit: str
    files: list[str]
    licence: str


def listing(repository: str) -> Listing:
    """Raises ModelMissing where it cannot be had."""
    from huggingface_hub import HfApi

    with catalog.hub_errors(repository):
        found = HfApi().model_info(repository)
    return Listing(
        repository,
        found.sha or "main",
        [each.rfilename for each in found.siblings or []],
        str(getattr(found.card_data, "license", None) or ""),
    )


def chosen(files: Sequence[str]) -> list[str]:
    """What a node or a converter needs of a repository: of several forms of the weights one."""
    top = [name for name in files if "/" not in name and not name.startswith(".")]
    if WEIGHTS in top:
        weights = [WEIGHTS]
    elif "decoder.yml" in top:
        weights = [name for name in top if name.endswith(".npz")]
    elif any(name.endswith(_SAFE) for name in top):
        weights = [name for name in top if name.endswith(_SAFE)]
    else:
        weights = [name for name in top if name.startswith("pytorch_model") and name.endswith(".bin")]
    return weights + [name for name in top if name.endswith(_TEXTS)]


def from_hub(found: Listing, files: Sequence[str], place: Path, licence: str = "") -> None:
    """Fetch `files` into `place`, with a bar. Raises ModelMissing, or SettingsError where `place` is there."""
    from huggingface_hub import snapshot_download
    from tqdm import tqdm

    if not files:
        raise ModelMissing(f"{found.repository} has nothing in it that is a model")
    partial = _begun(place)
    with catalog.hub_errors(found.repository):
        snapshot_download(
            found.repository, revision=found.commit, local_dir=partial, allow_patterns=list(files), tqdm_class=tqdm
        )
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    for name in filter(lambda each: "/" in each, files):  # voices lie deep
        (partial / name).rename(partial / Path(name).name)
    for folder in {name.split("/")[0] for name in files if "/" in name}:
        shutil.rmtree(partial / folder)
    description.write(partial, Description(found.repository, licence or found.licence))
    partial.rename(place)


def voice(name: str, place: Path) -> None:
    """A Piper voice: `en_US-lessac-medium` lies in rhasspy/piper-voices under en/en_US/lessac/medium/."""
    folder = catalog.voice_folder(name)
    files = [f"{folder}/{name}.onnx.json", f"{folder}/{name}.onnx"]
    from_hub(Listing(VOICES, "main", files, ""), files, place, f"see the card in {VOICES}/{folder}")


def from_directory(source: Path, place: Path) -> None:
    """Copy a model directory, with a bar. Raises ModelMissing where it is none."""
    files = [each for each in sorted(source.iterdir()) if each.is_file()]
    if not any(each.name == WEIGHTS or each.suffix == ".onnx" for each in files):
        raise ModelMissing(f"{source} is no model of ours: there is neither {WEIGHTS} nor a voice's .onnx in it")
    partial = _begun(place)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with bar:
        task = bar.add_task(place.name, total=sum(each.stat().st_size for each in files))
        for each in files:
            with each.open("rb") as reading, (partial / each.name).open("wb") as writing:
                while block := reading.read(BLOCK):
                    writing.write(block)
                    bar.advance(task, len(block))
    if not (partial / description.NAME).is_file():
        description.write(partial, Description(str(source)))
    partial.rename(place)


def _begun(place: Path) -> Path:
    if place.exists():
        raise SettingsError(f"{place} is there already: delete it, or give another name with --name")
    partial = place.with_name(f".{place.name}.partial")
    try:
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{partial} cannot be written: {error}; give another --cache-dir") from error
    return partial
