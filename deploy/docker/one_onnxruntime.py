"""Whether this Python has ONNX Runtime once, and the one that knows CUDA: for the build of Dockerfile.cuda.

`onnxruntime` and `onnxruntime-gpu` are two packages with the same files, and the one installed last wins. The providers
that a library was built with are known without a GPU.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Collection

WANTED, OTHER, PROVIDER = "onnxruntime-gpu", "onnxruntime", "CUDAExecutionProvider"


def complaint(installed: Collection[str], providers: Collection[str]) -> str:
    """What is wrong, or ""."""
    if WANTED not in installed:
        return f"{WANTED} is not installed"
    if OTHER in installed:
        return f"{OTHER} is installed beside {WANTED}: uninstall both, then install {WANTED}"
    return "" if PROVIDER in providers else f"ONNX Runtime knows {', '.join(sorted(providers))} and no {PROVIDER}"


def main() -> int:
    import onnxruntime

    installed = {each.metadata["Name"].lower() for each in importlib.metadata.distributions()}
    wrong = complaint(installed, onnxruntime.get_available_providers())
    print(wrong or f"{WANTED} {importlib.metadata.version(WANTED)}, alone")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
