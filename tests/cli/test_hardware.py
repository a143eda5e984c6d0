from __future__ import annotations

import sys
import types

import pytest

from cli import hardware


def test_this_host_is_looked_at() -> None:
    findings = {finding.what: finding for finding in hardware.looked_at()}
    assert set(findings) == {"CPU", "memory", "GPU", "ONNX Runtime"}
    assert "core" in findings["CPU"].found
    assert "CPUExecutionProvider" in findings["ONNX Runtime"].found


def nvidia(names: list[str]) -> types.ModuleType:
    """What pynvml is on a host with these GPUs."""
    module = types.ModuleType("pynvml")
    module.__dict__.update(
        NVMLError=type("NVMLError", (Exception,), {}),
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: len(names),
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda index: names[index],
    )
    return module


def test_a_gpu_that_the_engines_do_not_see_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvidia(["Card 1"]))
    monkeypatch.setitem(sys.modules, "ctranslate2", types.SimpleNamespace(get_cuda_device_count=lambda: 0))
    finding = next(each for each in hardware.looked_at() if each.what == "GPU")
    assert (finding.state, "Card 1" in finding.found, "pip install" in finding.mend) == ("worth knowing", True, True)


def test_a_gpu_that_the_engines_see_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvidia(["Card 1", "Card 2"]))
    monkeypatch.setitem(sys.modules, "ctranslate2", types.SimpleNamespace(get_cuda_device_count=lambda: 2))
    finding = next(each for each in hardware.looked_at() if each.what == "GPU")
    assert (finding.state, finding.found) == ("good", "Card 1, Card 2")


def test_both_onnx_runtimes_at_once_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "version", lambda package: "1.0")
    finding = next(each for each in hardware.looked_at() if each.what == "ONNX Runtime")
    assert finding.state == "worth knowing"
    assert "pip uninstall" in finding.mend


def test_a_runtime_that_cannot_be_loaded_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    finding = next(each for each in hardware.looked_at() if each.what == "ONNX Runtime")
    assert finding.state == "lacking"


def test_a_package_that_is_not_there_has_no_version() -> None:
    assert hardware.version("no-such-package") == ""
    assert hardware.version("aiohttp")
