"""Engines of your own: entry points of the group `dragoman.engines`, loaded by name in the engines' process.

An entry point is anything that can be called with `Surroundings` and gives an `Extension` (a class derived from it
does). Only those that the setting `custom_engines` names are loaded, in that order: that a package is installed is no
reason to trust a voice to it. docs/engines.md has an example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points

from node_runtime.engines.base import Ear, Engines, Extension, Surroundings
from wire.errors import DragomanError, SettingsError
from wire.log import get

log = get(__name__)

GROUP = "dragoman.engines"


def load(names: Iterable[str], surroundings: Surroundings) -> list[Extension]:
    """Raises SettingsError that names the engine: it is not installed, cannot be loaded, or brings something else.
    What an engine raises of wire.errors (ModelMissing, say) goes through."""
    return [_load(name, surroundings) for name in names]


def extended(extensions: Iterable[Extension], packaged: Callable[[Ear | None], Engines]) -> Engines:
    """The packaged engines with these before them. `packaged` is given the ear to use, if an extension brings one."""
    extensions = list(extensions)
    base = packaged(next((each.ear for each in extensions if each.ear is not None), None))
    return Engines(
        base.ear,
        [interpreter for each in extensions for interpreter in each.interpreters] + base.interpreters,
        [voice for each in extensions for voice in each.voices] + base.voices,
        base.device,
        [model for each in extensions for model in each.models] + base.models,
        sorted({tag for each in extensions for tag in each.tags}),
    )


def _load(name: str, surroundings: Surroundings) -> Extension:
    found = {each.name: each for each in entry_points(group=GROUP)}
    if name not in found:
        there = ", ".join(sorted(found)) or "none"
        raise SettingsError(f"custom_engines = {name!r}: no installed package brings it; there are: {there}")
    extension = _made(found[name], surroundings)
    if not isinstance(extension, Extension):
        raise SettingsError(
            f"custom_engines = {name!r}: {found[name].value} gives {type(extension).__name__}, not an Extension"
        )
    log.info("a custom engine was loaded", engine=name, models=list(extension.models), tags=list(extension.tags))
    return extension


def _made(point: EntryPoint, surroundings: Surroundings) -> object:
    try:
        return point.load()(surroundings)
    except DragomanError:
        raise
    except Exception as error:
        log.exception("a custom engine broke while it was loaded", engine=point.name)
        what = f"{type(error).__name__}: {error}"
        raise SettingsError(f"custom_engines = {point.name!r}: {point.value} cannot be loaded: {what}") from error
