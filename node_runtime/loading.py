"""The engines that the settings ask for, loaded. Only the engines' process imports this."""

from __future__ import annotations

from pathlib import Path

from node_runtime import catalog, host
from node_runtime.engines import scripted
from node_runtime.engines.base import Engines
from wire.env import NodeSettings
from wire.errors import ModelMissing


def load(settings: NodeSettings) -> Engines:
    """Raises ModelMissing, naming the model and the mend, or SettingsError."""
    if settings.engine == "scripted":
        return scripted.engines(settings.scripted_rtf)
    try:
        from node_runtime.engines.piper import Piper
        from node_runtime.engines.translate import Translation
        from node_runtime.engines.whisper import Whisper

        device = host.device(settings.device)
        threads = host.threads(settings.threads, settings.slots)
        cache = Path(settings.cache_dir)
        return Engines(
            Whisper(catalog.asr(settings.asr_model, cache), device, threads, settings.slots),
            [Translation(catalog.nmt(name, cache), device, threads, settings.slots) for name in settings.nmt_models],
            [Piper(name, catalog.voice(name, cache), device, threads) for name in settings.voices],
            device,
            [settings.asr_model, *settings.nmt_models, *settings.voices],
        )
    except ImportError as error:
        raise ModelMissing(f"a node needs the package {error.name}: pip install 'dragoman[node]'") from error
