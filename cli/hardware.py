"""What `dragoman doctor` asks of the machine itself: cores, memory, GPUs, and the native libraries that drive them.

Every look at a native library is guarded: one that is broken is a finding, not the end of the doctor.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Iterator
from typing import Any

import psutil

from cli.findings import Finding

MIN_MEMORY_BYTES = 2_000_000_000
"""The server, the processes and Whisper base with a voice."""


def looked_at() -> Iterator[Finding]:
    yield _cores()
    yield _memory()
    yield _gpu()
    yield _runtime()


def _cores() -> Finding:
    count = psutil.cpu_count() or 1
    if count < 2:
        return Finding("CPU", "worth knowing", "1 core", "captions will lag behind speech: two cores or a GPU keep up")
    return Finding("CPU", "good", f"{count} cores")


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    found = f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free"
    if memory.available < MIN_MEMORY_BYTES:
        return Finding(
            "memory", "worth knowing", found, f"{MIN_MEMORY_BYTES / 1e9:.0f} GB are needed: end something else"
        )
    return Finding("memory", "good", found)


def _gpu() -> Finding:
    names, why = _nvidia()
    if not names:
        return Finding("GPU", "good", f"none seen ({why}): the CPU is used, int8")
    try:
        usable = importlib.import_module("ctranslate2").get_cuda_device_count()
    except (ImportError, OSError, RuntimeError) as error:
        usable, why = 0, str(error)
    if usable:
        return Finding("GPU", "good", ", ".join(names))
    return Finding(
        "GPU",
        "worth knowing",
        f"{', '.join(names)}, but CTranslate2 sees none{f' ({why})' if why else ''}",
        "install the CUDA 12 libraries (pip install nvidia-cublas-cu12 nvidia-cudnn-cu12)",
    )


def _nvidia() -> tuple[list[str], str]:
    """Names of the GPUs, or why there are none."""
    try:
        nvml: Any = importlib.import_module("pynvml")
    except ImportError:
        return [], "pynvml is not installed"
    try:
        nvml.nvmlInit()
        names = [
            str(nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleByIndex(i))) for i in range(nvml.nvmlDeviceGetCount())
        ]
        nvml.nvmlShutdown()
    except nvml.NVMLError as error:
        return [], str(error)
    return names, "" if names else "the driver has none"


def _runtime() -> Finding:
    """onnxruntime and onnxruntime-gpu put their files into the same place: the one installed last wins."""
    both = [name for name in ("onnxruntime", "onnxruntime-gpu") if version(name)]
    if len(both) == 2:
        return Finding(
            "ONNX Runtime",
            "worth knowing",
            "both onnxruntime and onnxruntime-gpu are installed, and overwrite each other",
            "pip uninstall -y onnxruntime onnxruntime-gpu, then install the one that is wanted",
        )
    try:
        runtime = importlib.import_module("onnxruntime")
        found = ", ".join(runtime.get_available_providers())
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        return Finding(
            "ONNX Runtime", "lacking", f"it cannot be loaded: {error}", "pip install --force-reinstall onnxruntime"
        )
    return Finding("ONNX Runtime", "good", found)


def version(package: str) -> str:
    """Empty where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
