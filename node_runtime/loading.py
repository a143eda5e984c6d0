"""The engines that the settings ask for, loaded. Only the engines' process imports this."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from node_runtime import catalog, extensions, host
from node_runtime.engines import scripted
from node_runtime.engines.base import Ear, Engines, Surroundings
from wire.env import NodeSettings
from wire.errors import ModelMissing


def load(settings: NodeSettings) -> Engines:
    """Raises ModelMissing, naming the model and the mend, or SettingsError."""
    scripts = settings.engine == "scripted"
    try:
        device = "cpu" if scripts else host.device(settings.device)
        threads = host.threads(settings.threads, settings.slots)
        cache = Path(settings.cache_dir).expanduser()
        found = extensions.load(settings.custom_engines, Surroundings(device, threads, settings.slots, cache))
        if scripts:
            return extensions.extended(found, partial(_scripted, settings))
        return extensions.extended(found, partial(_models, settings, device, threads, cache))
    except ImportError as error:
        raise ModelMissing(f"a node needs the package {error.name}: pip install 'dragoman[node]'") from error


def glimpses(device: str, slots: int) -> int:
    """How many partial jobs may run at once: on a GPU as many as jobs, on a CPU one, with all the cores."""
    return slots if device == "cuda" else 1


def _scripted(settings: NodeSettings, ear: Ear | None) -> Engines:
    made = scripted.engines(settings.scripted_rtf)
    return made if ear is None else replace(made, ear=ear)


def _models(settings: NodeSettings, device: str, threads: int, cache: Path, ear: Ear | None) -> Engines:
    from node_runtime.engines.piper import Piper
    from node_runtime.engines.translate import Translation

    models = [*settings.nmt_models, *settings.voices]
    if ear is None:
        from node_runtime.engines.whisper import Whisper

        workers = settings.slots + glimpses(device, settings.slots)
        ear = Whisper(catalog.asr(settings.asr_model, cache), device, threads, workers)
        models.insert(0, settings.asr_model)
    return Engines(
        ear,
        [Translation(catalog.nmt(name, cache), device, threads, settings.slots) for name in settings.nmt_models],
        [Piper(name, catalog.voice(name, cache), device, threads) for name in settings.voices],
        device,
        models,
    )
