"""What this host has: its name, its GPU, how busy it is.

`device` asks CTranslate2 and is for the engines' process; the rest is cheap and for heartbeats. NVIDIA's library is
asked where there is one; without it there are no GPUs, and nothing complains.
"""

from __future__ import annotations

import math
import os
import re
import socket
import time
import warnings
from typing import Any, NamedTuple

import psutil

from wire.errors import SettingsError

MIB = 1024 * 1024
SMOOTHED_OVER_S = 5.0
LEAST_INTERVAL_S = 0.5
"""Two looks closer than this say nothing about shares."""


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


class Smoothed:
    """A value that follows what it is told, slowly: after SMOOTHED_OVER_S it has come two thirds of the way."""

    def __init__(self) -> None:
        self.value = 0.0

    def tell(self, value: float, seconds: float) -> float:
        """`value` held for the last `seconds`."""
        self.value += (value - self.value) * (1 - math.exp(-seconds / SMOOTHED_OVER_S))
        return self.value


class Load:
    """How busy this process, its children and the host's GPUs are. Shares are of the whole host, 0 to 100, since the
    `look` before; call it at each heartbeat. What others use is smoothed, so that no single burst turns work away."""

    def __init__(self) -> None:
        self._me = psutil.Process()
        self._nvml = _nvml()
        self._looked = time.monotonic()
        self._host, self._spent = _host_seconds(), self._spent_by(self._tree())
        self._gpu_seen = 0
        self._foreign_cpu, self._foreign_gpu = Smoothed(), Smoothed()
        self.cpu_percent = 0.0
        self.memory_mb = 0.0

    @property
    def foreign_percent(self) -> float:
        """What other programs use of the CPU or of a GPU, whichever is more."""
        return round(max(self._foreign_cpu.value, self._foreign_gpu.value), 1)

    def look(self) -> None:
        tree = self._tree()
        self.memory_mb = round(sum(map(_resident, tree.values())) / MIB, 1)
        now, host, spent = time.monotonic(), _host_seconds(), self._spent_by(tree)
        seconds, capacity = now - self._looked, host.all - self._host.all
        if seconds < LEAST_INTERVAL_S or capacity <= 0:
            return
        used = host.busy - self._host.busy
        own = sum(max(0.0, total - self._spent.get(pid, 0.0)) for pid, total in spent.items())
        self.cpu_percent = round(100 * used / capacity, 1)
        self._foreign_cpu.tell(100 * max(0.0, used - own) / capacity, seconds)
        self._foreign_gpu.tell(self._foreign_gpu_percent(set(tree)), seconds)
        self._looked, self._host, self._spent = now, host, spent

    def _tree(self) -> dict[int, psutil.Process]:
        return {process.pid: process for process in [self._me, *self._me.children(recursive=True)]}

    def _spent_by(self, tree: dict[int, psutil.Process]) -> dict[int, float]:
        return {pid: _cpu_seconds(process) for pid, process in tree.items()}

    def _foreign_gpu_percent(self, own: set[int]) -> float:
        """Of the busiest GPU, by processes that are not ours; 0 where the driver does not tell."""
        if self._nvml is None:
            return 0.0
        nvml, most, newest = self._nvml, 0.0, self._gpu_seen
        try:
            for index in range(nvml.nvmlDeviceGetCount()):
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                samples = nvml.nvmlDeviceGetProcessUtilization(handle, self._gpu_seen)
                used: dict[int, int] = {}
                for sample in samples:
                    used[sample.pid] = max(used.get(sample.pid, 0), sample.smUtil)
                    newest = max(newest, sample.timeStamp)
                most = max(most, min(100.0, sum(share for pid, share in used.items() if pid not in own)))
        except (nvml.NVMLError, AttributeError):  # nothing ran, or this driver does not tell
            return most
        self._gpu_seen = newest
        return most

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


class HostSeconds(NamedTuple):
    """CPU seconds of all cores since the host began: busy ones, and all there were."""

    busy: float
    all: float


def _host_seconds() -> HostSeconds:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)  # those are in user, nice
    return HostSeconds(total - idle, total)


def _resident(process: psutil.Process) -> float:
    """Bytes; 0 if it has ended."""
    try:
        return float(process.memory_info().rss)
    except psutil.Error:
        return 0.0


def _cpu_seconds(process: psutil.Process) -> float:
    """What it has used so far, without its children; 0 if it has ended."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


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
