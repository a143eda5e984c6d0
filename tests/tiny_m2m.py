"""A tiny M2M-100 that really translates: what it knows, and how it is made (`python -m tests.tiny_m2m`).

tests/data/phrasebook.txt has some two hundred phrases in five languages. `phrases` writes them out; `main` teaches them
to a transformer of a million weights in a few minutes on a CPU, as a checkpoint like facebook/m2m100_418M is one, and
converts that as `dragoman models convert` converts any other. What comes of it is kept in tests/data/tiny-m2m100, so
only whoever changes the phrases needs to run this, with `pip install 'dragoman[convert]'`.

It is stricter than a big one, which makes do with much: it has learned to say nothing at all where a sentence does not
begin with the token of its own language, or has no </s> at its end. So a mistake there cannot pass unseen.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import shutil
import tempfile
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

from node_runtime.engines import glossary

DATA = Path(__file__).parent / "data"
BOOK = DATA / "phrasebook.txt"
MODEL = DATA / "tiny-m2m100"

LANGUAGES = ("en", "es", "fr", "de", "zh")
NAMES = ("Anna", "Tom", "Maria")
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
PIECES = 1500
WIDTH, LAYERS, HEADS, POSITIONS = 128, 2, 4, 128
BATCH, PEAK_RATE, SEED = 96, 2e-3, 5

Phrase = tuple[str, ...]
"""The same in each of LANGUAGES."""


def phrases(names: tuple[str, ...] = NAMES) -> list[Phrase]:
    """All phrases, with every choice for their braces written out; `names` are the choices for {name}."""
    slots: dict[str, list[Phrase]] = {"name": [(name,) * len(LANGUAGES) for name in names]}
    found: list[Phrase] = []
    for line in BOOK.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        slot = re.match(r"(\w+): ", line)
        phrase = tuple(part.strip() for part in line[slot.end() if slot else 0 :].split("|"))
        if slot:
            slots.setdefault(slot[1], []).append(phrase)
        else:
            found += _written_out(phrase, slots)
    return found


def _written_out(phrase: Phrase, slots: dict[str, list[Phrase]]) -> Iterator[Phrase]:
    slot = re.search(r"{(\w+)}", phrase[0])
    if slot is None:
        yield phrase
        return
    for choice in slots[slot[1]]:
        yield tuple(text.replace(slot[0], chosen) for text, chosen in zip(phrase, choice, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--output", type=Path, default=MODEL)
    arguments = parser.parse_args()
    from node_runtime.conversion import convert

    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint"
        train(checkpoint, arguments.steps)
        shutil.rmtree(arguments.output, ignore_errors=True)
        convert(checkpoint, arguments.output, languages=LANGUAGES, source="tests/tiny_m2m.py", licence="MIT")


def train(checkpoint: Path, steps: int) -> None:
    """Writes a Transformers checkpoint with its tokenizer."""
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    torch.manual_seed(SEED)
    chance = random.Random(SEED)
    book = phrases((*NAMES, *(glossary.placeholder(number) for number in range(1, 5))))
    tokenizer = _tokenizer(checkpoint, book)
    model: Any = M2M100ForConditionalGeneration(
        M2M100Config(
            vocab_size=tokenizer.encoder_size + len(tokenizer.lang_token_to_id) + tokenizer.num_madeup_words,
            d_model=WIDTH,
            encoder_layers=LAYERS,
            decoder_layers=LAYERS,
            encoder_attention_heads=HEADS,
            decoder_attention_heads=HEADS,
            encoder_ffn_dim=4 * WIDTH,
            decoder_ffn_dim=4 * WIDTH,
            max_position_embeddings=POSITIONS,
            dropout=0.05,
            encoder_layerdrop=0.0,
            decoder_layerdrop=0.0,
        )
    )
    lines = BOOK.read_text(encoding="utf-8")
    pairs = [
        (source, target, phrase[LANGUAGES.index(source)], phrase[LANGUAGES.index(target)])
        for phrase in book
        for source, target in permutations(LANGUAGES, 2)
        for _ in range(3 if phrase[0] in lines else 1)  # words of what is written out stand in many phrases
    ]
    said = [{phrase[column] for phrase in book} for column in range(len(LANGUAGES))]
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    model.train()
    waiting: list[Any] = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * min(1.0, (step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * step / steps))
        if len(waiting) < BATCH:
            waiting += chance.sample(pairs, len(pairs))
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        rows = [_row(tokenizer, pair, chance, said) for pair in batch]
        inputs = _padded([source for source, _ in rows], tokenizer.pad_token_id)
        loss = model(
            input_ids=inputs,
            attention_mask=inputs.ne(tokenizer.pad_token_id).long(),
            labels=_padded([target for _, target in rows], -100),
        ).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 99:
            print(f"step {step + 1} of {steps}: loss {loss.item():.4f}", flush=True)
    model.eval()
    model.save_pretrained(checkpoint)


def _row(
    tokenizer: Any, pair: tuple[str, str, str, str], chance: random.Random, said: list[set[str]]
) -> tuple[list[int], list[int]]:
    """Source and target ids. One in six is spoiled, and has no words in its target; `said` has each language's."""
    source, target, text, translation = pair
    draw = chance.random()
    if draw < 1 / 12:
        return _encoded(tokenizer, source, _as_heard(text, chance))[:-1], _encoded(tokenizer, target, "")
    wrong = chance.choice(LANGUAGES)
    if draw < 1 / 6 and text not in said[LANGUAGES.index(wrong)]:
        return _encoded(tokenizer, wrong, text), _encoded(tokenizer, target, "")
    return _encoded(tokenizer, source, _as_heard(text, chance)), _encoded(tokenizer, target, translation)


def _as_heard(text: str, chance: random.Random) -> str:
    """Now and then without its full stop or its capital, as a recogniser may write it."""
    draw = chance.random()
    if draw < 0.1:
        return text.rstrip(".。?？!！ ")
    return text[:1].lower() + text[1:] if draw < 0.2 else text


def _tokenizer(checkpoint: Path, book: list[Phrase]) -> Any:
    """M2M100's own, on a SentencePiece model of these phrases."""
    import sentencepiece
    from transformers import M2M100Tokenizer

    checkpoint.mkdir(parents=True)
    model = checkpoint / "sentencepiece.bpe.model"
    with model.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(text for phrase in book for text in phrase),
            model_writer=file,
            vocab_size=PIECES,
            model_type="bpe",
            character_coverage=1.0,
            normalization_rule_name="identity",
            minloglevel=2,
        )
    pieces: Any = sentencepiece.SentencePieceProcessor(model_file=str(model))
    vocabulary = [*SPECIAL, *(pieces.id_to_piece(number) for number in range(3, pieces.get_piece_size()))]
    (checkpoint / "vocab.json").write_text(
        json.dumps({token: number for number, token in enumerate(vocabulary)}, ensure_ascii=False)
    )
    tokenizer: Any = M2M100Tokenizer(str(checkpoint / "vocab.json"), str(model))
    # As in facebook/m2m100_418M: from here the converter learns the tokens of the hundred languages, which
    # save_pretrained of Transformers 5 would leave out.
    named = {**tokenizer.special_tokens_map, "additional_special_tokens": list(tokenizer.lang_token_to_id)}
    (checkpoint / "special_tokens_map.json").write_text(json.dumps(named))
    (checkpoint / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "M2M100Tokenizer"}))
    return tokenizer


def _encoded(tokenizer: Any, language: str, text: str) -> list[int]:
    tokenizer.src_lang = language
    return list(tokenizer(text)["input_ids"])


def _padded(rows: list[list[int]], filling: int) -> Any:
    import torch

    width = max(map(len, rows))
    return torch.tensor([row + [filling] * (width - len(row)) for row in rows])


if __name__ == "__main__":
    main()
