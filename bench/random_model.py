"""Transformers in CTranslate2's form with random weights: as big and as fast as a real one of their shape, and dumb.

Translation models cannot be had everywhere; what one costs can be measured without its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ctranslate2.specs import transformer_spec


class Shape(NamedTuple):
    """`tied`: the last layer has the weights of the embeddings, as those of all real ones here are."""

    layers: int
    width: int
    heads: int
    inner: int
    vocabulary: int
    tied: bool = True


SHAPES = {
    "m2m100-418m": Shape(12, 1024, 16, 4096, 128_112),
    "nllb-200-600m": Shape(12, 1024, 16, 4096, 256_206),
    "opus-mt": Shape(6, 512, 8, 2048, 60_000),
}


def write(path: Path, shape: Shape, vocabulary: Sequence[str], quantization: str | None = None, **config: Any) -> None:
    """A model directory without a tokenizer. `config` goes into its config.json."""
    random = np.random.default_rng(8)
    width = shape.width
    spec = transformer_spec.TransformerSpec.from_config((shape.layers, shape.layers), shape.heads, pre_norm=True)

    def fill(rows: int, columns: int) -> Any:
        return random.standard_normal((rows, columns), np.float32) * np.float32(0.3 * (16 / columns) ** 0.5)

    def linear(layer: Any, outputs: int, inputs: int) -> None:
        layer.weight, layer.bias = fill(outputs, inputs), np.zeros(outputs, np.float32)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(width, np.float32), np.zeros(width, np.float32)

    def attention(layer: Any, parts: Sequence[int]) -> None:
        norm(layer.layer_norm)
        for each, part in zip(layer.linear, parts, strict=True):
            linear(each, part * width, width)

    embeddings = fill(len(vocabulary), width)
    positions = np.sin(np.arange(256)[:, None] / (np.arange(width)[None, :] + 1)).astype(np.float32)
    for stack, place in ((spec.encoder, spec.encoder.embeddings[0]), (spec.decoder, spec.decoder.embeddings)):
        place.weight = embeddings
        stack.position_encodings.encodings = positions
        norm(stack.layer_norm)
        for layer in stack.layer:
            attention(layer.self_attention, (3, 1))
            if hasattr(layer, "attention"):
                attention(layer.attention, (1, 2, 1))
            norm(layer.ffn.layer_norm)
            linear(layer.ffn.linear_0, shape.inner, width)
            linear(layer.ffn.linear_1, width, shape.inner)
    spec.decoder.projection.weight = embeddings if shape.tied else fill(len(vocabulary), width)
    spec.decoder.projection.bias = np.zeros(len(vocabulary), np.float32)
    spec.register_source_vocabulary(list(vocabulary))
    spec.register_target_vocabulary(list(vocabulary))
    for key, value in {"decoder_start_token": "</s>", **config}.items():
        setattr(spec.config, key, value)
    spec.validate()
    spec.optimize(quantization=quantization)
    path.mkdir(parents=True)
    spec.save(str(path))
