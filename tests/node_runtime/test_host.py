from __future__ import annotations

import os
import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import ctranslate2
import psutil
import pytest

from node_runtime import host
from tests.waiting import until_now
from wire import subjects
from wire.errors import SettingsError


def test_a_name_is_usable_wherever_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.node_name("gpu-1") == "gpu-1"
    for name in ("my host.local", "-x-", "", "ü"):
        monkeypatch.setattr("socket.gethostname", lambda name=name: name)
        assert subjects.token(host.node_name(""))


def test_threads_are_divided_among_the_slots() -> None:
    cores = len(os.sched_getaffinity(0))
    assert host.threads(0, 1) == cores
    assert host.threads(0, cores * 4) == 1
    assert host.threads(3, 2) == 3


def test_the_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    assert [host.device(asked) for asked in ("auto", "cuda", "cpu")] == ["cuda", "cuda", "cpu"]

    def no_driver() -> int:
        raise RuntimeError("CUDA driver version is insufficient")

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", no_driver)
    assert host.device("auto") == "cpu"
    with pytest.raises(SettingsError, match=re.escape("docs/gpu.md")):
        host.device("cuda")


def test_load_is_measured_and_there_are_no_gpus_here() -> None:
    load = host.Load()
    load.look()
    assert 0 <= load.cpu_percent <= 100
    assert load.memory_mb > 10
    assert isinstance(load.gpus(), list)


def nvml(**more: Any) -> SimpleNamespace:
    """NVIDIA's library, as far as it is asked."""
    functions: dict[str, Any] = {
        "NVMLError": OSError,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: b"Card",
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=3 << 20, total=8 << 20),
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=40),
    }
    return SimpleNamespace(**{**functions, **more})


def test_gpus_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml())
    assert host.Load().gpus() == [
        {"name": "Card", "memory_used_mb": 3, "memory_total_mb": 8, "utilization_percent": 40}
    ]


def test_a_library_without_a_driver_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise OSError("no driver")

    monkeypatch.setitem(sys.modules, "pynvml", nvml(nvmlInit=fails))
    assert host.Load().gpus() == []
    monkeypatch.setitem(sys.modules, "pynvml", nvml(nvmlDeviceGetUtilizationRates=fails))
    assert host.Load().gpus() == []


# --- what others use ------------------------------------------------------------------------------------------------


class Host:
    """A host with two cores: what it and the processes of the node have used is what a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.busy = 100.0, 50.0
        self.used = {1: 5.0, 2: 7.0}
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr(host, "_host_seconds", lambda: host.HostSeconds(self.busy, 2 * self.now))
        monkeypatch.setattr(host, "_cpu_seconds", lambda process: self.used.get(process.pid, 0.0))
        monkeypatch.setattr(host, "_resident", lambda process: 1 << 20)
        monkeypatch.setattr(host.Load, "_tree", lambda load: {pid: SimpleNamespace(pid=pid) for pid in self.used})

    def passes(self, load: host.Load, seconds: float, percent: float, **own: float) -> float:
        """So many seconds at this use of the host, of which these processes had so many CPU seconds."""
        self.now, self.busy = self.now + seconds, self.busy + 2 * seconds * percent / 100
        for pid, spent in own.items():
            self.used[int(pid[1:])] = self.used.get(int(pid[1:]), 0.0) + spent
        load.look()
        return load.foreign_percent


def test_what_the_node_uses_itself_is_not_foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Host(monkeypatch)
    load = host.Load()
    assert it.passes(load, 2, 50, p1=0.2, p2=1.8) == 0.0  # 2 of 4 CPU seconds, all its own
    assert it.passes(load, 2, 100, p1=0.0, p3=4.0) == 0.0  # a process born since
    del it.used[3]  # and dead again: what it had used goes, which is no negative use
    assert 0 < it.passes(load, 2, 50, p2=0.0) < 50


def test_what_others_use_is_seen_within_seconds_and_forgotten_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Host(monkeypatch)
    load = host.Load()
    seen = [it.passes(load, 2, 80, p1=1.2) for _ in range(8)]  # of 80 %, 30 are the node's
    assert seen == sorted(seen)
    assert seen[0] < 25, "a burst of two seconds turns no work away"
    assert seen[1] > 25
    assert seen[-1] == pytest.approx(50, abs=3)
    gone = [it.passes(load, 2, 0) for _ in range(8)]
    assert gone[-1] < 5


def test_looks_that_follow_each_other_closely_change_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Host(monkeypatch)
    load = host.Load()
    before = it.passes(load, 2, 40)
    assert it.passes(load, 0.01, 100) == before
    assert load.cpu_percent == 40


def test_a_gpu_that_others_use_counts_as_foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Host(monkeypatch)
    asked: list[int] = []

    def used(handle: int, since: int) -> list[SimpleNamespace]:
        asked.append(since)
        shares = {1: 60, 77: 30, 78: 10}
        return [SimpleNamespace(pid=pid, smUtil=share, timeStamp=since + 5) for pid, share in shares.items()]

    monkeypatch.setitem(sys.modules, "pynvml", nvml(nvmlDeviceGetProcessUtilization=used))
    load = host.Load()
    for _ in range(20):
        it.passes(load, 2, 0)
    assert load.foreign_percent == pytest.approx(40, abs=0.5)
    assert asked[:3] == [0, 5, 10]

    def nothing_ran(*_: Any) -> None:
        raise OSError("not found")

    monkeypatch.setitem(sys.modules, "pynvml", nvml(nvmlDeviceGetProcessUtilization=nothing_ran))
    load = host.Load()
    assert it.passes(load, 2, 0) == 0


def test_a_busy_neighbour_is_foreign_and_the_nodes_own_child_is_not() -> None:
    """For real: a child that burns a core, seen by its parent and by a stranger."""
    burn = "import time\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass"
    with subprocess.Popen([sys.executable, "-c", burn]) as child:
        try:
            parent, stranger = host.Load(), host.Load()
            stranger._tree = lambda: {stranger._me.pid: stranger._me}  # type: ignore[method-assign]
            until_now(lambda: psutil.Process(child.pid).cpu_times().user > 0.7)
            parent.look()
            stranger.look()
        finally:
            child.kill()
    assert stranger.foreign_percent > parent.foreign_percent
