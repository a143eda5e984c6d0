"""What this host has: its name, its GPU, how busy it is.

`device` asks CTranslate2 and is for the engines' process; the rest is cheap and for heartbeats. NVIDIA's library is
asked where there is one; without it there are no GPUs, and nothing complains.
"""

from __future__ import annotations

import os
import re
import socket
import warnings
from typing import Any

import psutil

from wire.errors import SettingsError

MIB = 1024 * 1024


def node_name(asked: str) -> str:
    """`asked`, or a name made of the host's."""
    return asked or re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname()).strip("-")[:64] or "node"


def device(asked: str) -> str:
    """ "cuda" or "cpu". Raises SettingsError where "cuda" is asked for and there is no usable GPU."""
    import ctranslate2

    if asked == "cpu":
        return "cpu"
    try:
        found = ctranslate2.get_cuda_device_count()
    except (RuntimeError, ValueError):  # built for CUDA, and the driver is missing or too old
        found = 0
    if asked == "cuda" and not found:
        raise SettingsError(
            "device = 'cuda': CTranslate2 finds no CUDA GPU here; see docs/gpu.md, or use device = 'auto'"
        )
    return "cuda" if found else "cpu"


def threads(asked: int, slots: int) -> int:
    """Threads for each slot: as asked, or the cores that this process may use, divided."""
    return asked or max(1, len(os.sched_getaffinity(0)) // slots)


class Load:
    """How busy this process, its children and the host's GPUs are. The CPU share is since the call before."""

    def __init__(self) -> None:
        self._me = psutil.Process()
        self._nvml = _nvml()
        psutil.cpu_percent()

    def cpu_percent(self) -> float:
        """Of the whole host, 0 to 100."""
        return float(psutil.cpu_percent())

    def memory_mb(self) -> float:
        """Resident memory of this process and its children, MiB."""
        total = 0
        for process in [self._me, *self._me.children(recursive=True)]:
            try:
                total += process.memory_info().rss
            except psutil.Error:  # it ended in between
                continue
        return round(total / MIB, 1)

    def gpus(self) -> list[dict[str, Any]]:
        """Name, used and total memory (MiB) and utilisation (percent) of each NVIDIA GPU."""
        if self._nvml is None:
            return []
        nvml, found = self._nvml, []
        try:
            for index in range(nvml.nvmlDeviceGetCount()):
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                name = nvml.nvmlDeviceGetName(handle)
                memory = nvml.nvmlDeviceGetMemoryInfo(handle)
                found.append(
                    {
                        "name": name.decode() if isinstance(name, bytes) else name,
                        "memory_used_mb": memory.used // MIB,
                        "memory_total_mb": memory.total // MIB,
                        "utilization_percent": nvml.nvmlDeviceGetUtilizationRates(handle).gpu,
                    }
                )
        except nvml.NVMLError:
            return []
        return found


def _nvml() -> Any:
    """NVIDIA's management library, started; None where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the package pynvml says that it is an alias now
        try:
            import pynvml
        except ImportError:
            return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml
