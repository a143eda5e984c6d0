from __future__ import annotations

import os
import re
import sys
from types import SimpleNamespace
from typing import Any

import ctranslate2
import pytest

from node_runtime import host
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
    assert 0 <= load.cpu_percent() <= 100
    assert load.memory_mb() > 10
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
