"""An OPUS-MT model as Marian leaves it: random weights, 1 layer of 16 units, real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.node_runtime import pieces

WIDTH = 16
CONFIG = """\
type: transformer
transformer-decoder-autoreg: self-attention
transformer-no-projection: false
transformer-ffn-activation: swish
transformer-preprocess: ""
transformer-postprocess: dan
transformer-postprocess-emb: d
transformer-guided-alignment-layer: last
transformer-heads: 2
enc-depth: 1
dec-depth: 1
"""


def write(directory: Path) -> Path:
    directory.mkdir(parents=True)
    vocabulary = ["</s>", "<unk>", *pieces.names()]
    lines = [f'"{token}": {number}' for number, token in enumerate(vocabulary)]
    (directory / "vocab.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (directory / "decoder.yml").write_text("models:\n- model.npz\nvocabs:\n- vocab.yml\n- vocab.yml\n")
    for name in ("source.spm", "target.spm"):
        (directory / name).write_bytes(pieces.trained())
    weights: Any = _weights(len(vocabulary))
    np.savez(directory / "model.npz", **weights)
    return directory


def _weights(size: int) -> dict[str, npt.NDArray[Any]]:
    random = np.random.default_rng(3)
    found: dict[str, npt.NDArray[Any]] = {
        "special:model.yml": np.frombuffer(CONFIG.encode() + b"\0", np.int8),
        "Wemb": random.standard_normal((size, WIDTH)).astype(np.float32),
        "decoder_ff_logit_out_b": np.zeros((1, size), np.float32),
    }

    def linear(name: str, suffix: str, inputs: int, outputs: int) -> None:
        found[f"{name}_W{suffix}"] = random.standard_normal((inputs, outputs)).astype(np.float32)
        found[f"{name}_b{suffix}"] = np.zeros((1, outputs), np.float32)

    def norm(name: str) -> None:
        found[f"{name}_ln_scale"] = np.ones((1, WIDTH), np.float32)
        found[f"{name}_ln_bias"] = np.zeros((1, WIDTH), np.float32)

    for name in ("encoder_l1_self", "decoder_l1_self", "decoder_l1_context"):
        for suffix in "qkvo":
            linear(name, suffix, WIDTH, WIDTH)
        norm(f"{name}_Wo")
    for name in ("encoder_l1_ffn", "decoder_l1_ffn"):
        linear(name, "1", WIDTH, 4 * WIDTH)
        linear(name, "2", 4 * WIDTH, WIDTH)
        norm(f"{name}_ffn")
    return found
