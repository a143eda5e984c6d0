"""A tiny SentencePiece model, made here in no time."""

from __future__ import annotations

import functools
import io
from typing import Any

import sentencepiece

CORPUS = ["hello world how are you today", "bonjour le monde comment allez vous", "guten tag wie geht es dir"] * 20


@functools.cache
def trained() -> bytes:
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=out, vocab_size=60, model_type="bpe", minloglevel=2
    )
    return out.getvalue()


def names() -> list[str]:
    """Of its pieces, without the special ones."""
    model: Any = sentencepiece.SentencePieceProcessor(model_proto=trained())
    return [model.id_to_piece(number) for number in range(3, model.get_piece_size())]
