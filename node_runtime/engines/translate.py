"""Text translation by any CTranslate2 model directory (https://opennmt.net/CTranslate2/guides/transformers.html).

Three families are told apart by their files, and each wants its languages said in its own way:

    family    known by                   source tokens                  target prefix   taken off the result
    M2M-100   `__fr__` in the vocabulary __fr__ ▁Bon jour </s>          __en__          __en__
    NLLB      `fra_Latn` in it           fra_Latn ▁Bon jour </s>        eng_Latn        eng_Latn
    OPUS-MT   source.spm, target.spm     (>>eng<<) ▁Bon jour </s>       none            nothing

`</s>` is added here unless the directory's config.json says that CTranslate2 adds it (`add_source_eos`: models
converted from Fairseq or Marian, not from Transformers). Sentences are translated alone, those of a text
for all its targets in one batch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from node_runtime import description, languages
from node_runtime.engines import sentences
from node_runtime.engines.base import Wanted
from node_runtime.engines.identity import identity
from wire.errors import EngineError, ModelMissing

BEAM = 4
END = "</s>"
MAX_ROWS = 64
"""Sentences times targets that are computed at once; of more, those of like length go together."""
MIN_TOKENS, TOKENS_PER_TOKEN = 16, 3
"""A translation has no more tokens than so many for each of the source, so that one that loops ends."""


class Pieces(Protocol):
    """Text to subword tokens and back."""

    def encode(self, text: str) -> list[str]: ...
    def decode(self, tokens: list[str]) -> str: ...


class Dialect(Protocol):
    """How one family says its languages."""

    pairs: dict[str, list[str]]

    def source(self, tokens: list[str], source: str, target: str) -> list[str]: ...
    def prefix(self, target: str) -> list[str]: ...


class Tagged:
    """M2M-100 and NLLB: a language token before the source, and one that begins the target.

    `tags` maps ISO 639-1 to the model's token.
    """

    def __init__(self, tags: dict[str, str]) -> None:
        self._tags = tags
        self.pairs = {target: [source for source in tags if source != target] for target in tags}

    def source(self, tokens: list[str], source: str, target: str) -> list[str]:
        return [self._tags[source], *tokens]

    def prefix(self, target: str) -> list[str]:
        return [self._tags[target]]


class Marian:
    """OPUS-MT: one pair of languages or families; where there are several targets, `>>xxx<<` before the source."""

    def __init__(self, sources: list[str], targets: dict[str, str]) -> None:
        self._targets = targets
        self.pairs = {target: [source for source in sources if source != target] for target in targets}

    def source(self, tokens: list[str], source: str, target: str) -> list[str]:
        return [self._targets[target], *tokens] if self._targets[target] else tokens

    def prefix(self, target: str) -> list[str]:
        return []


class Translation:
    """A CTranslate2 translation model in the directory `path`, of any of the three families.

    `pairs` maps each target to the sources it can be translated from. Raises ModelMissing where the directory is none,
    is broken, or does not say which languages it serves.
    """

    def __init__(self, path: Path, device: str, threads: int, workers: int) -> None:
        import ctranslate2

        if not (path / "model.bin").is_file():
            raise ModelMissing(
                f"the translation model {path} has no model.bin: it must be a CTranslate2 model directory"
            )
        vocabulary = read_vocabulary(path)
        config = _read_json(path / "config.json")
        self.identity = identity(path, device)
        self._adds_end = not config.get("add_source_eos", False)
        self._dialect = dialect(path, vocabulary)
        self._source, self._target = pieces(path)
        self.pairs = self._dialect.pairs
        try:
            self._translator: Any = ctranslate2.Translator(
                str(path),
                device=device,
                compute_type="float16" if device == "cuda" else "int8",
                intra_threads=threads,
                inter_threads=workers,
            )
        except (RuntimeError, ValueError) as error:
            raise ModelMissing(f"the translation model {path} cannot be loaded: {error}") from error

    def tokens(self, sentence: str, source: str, target: str) -> list[str]:
        """What the model is given for one sentence."""
        said = self._dialect.source(self._source.encode(sentence), source, target)
        return [*said, END] if self._adds_end else said

    def text(self, tokens: list[str], target: str) -> str:
        """The words of a result: without the prefix that it begins with, and without special tokens."""
        prefix = self._dialect.prefix(target)
        if tokens[: len(prefix)] == prefix:
            tokens = tokens[len(prefix) :]
        return self._target.decode([each for each in tokens if each not in (END, "<s>", "<pad>", "<unk>")]).strip()

    def translate(self, text: str, source: str, target: str) -> str:
        return self.translate_many([Wanted(text, target)], source)[0]

    def translate_many(self, wanted: Sequence[Wanted], source: str) -> list[str]:
        """Every sentence for every target in one batch. Raises EngineError."""
        split = [sentences.split(each.text) for each in wanted]
        rows = [(sentence, each.target) for each, parts in zip(wanted, split, strict=True) for sentence in parts]
        done = iter(self._batch(rows, source) if rows else [])
        return [
            sentences.join([next(done) for _ in parts], each.target) for each, parts in zip(wanted, split, strict=True)
        ]

    def _batch(self, rows: Sequence[tuple[str, str]], source: str) -> Iterator[str]:
        """(sentence, target) each."""
        batch = [self.tokens(sentence, source, target) for sentence, target in rows]
        prefixes = [self._dialect.prefix(target) for _, target in rows]
        try:
            results = self._translator.translate_batch(
                batch,
                target_prefix=prefixes if any(prefixes) else None,
                max_batch_size=MAX_ROWS,
                beam_size=BEAM,
                max_decoding_length=MIN_TOKENS + TOKENS_PER_TOKEN * max(map(len, batch)),
                disable_unk=True,
            )
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"the translation model failed: {error}") from error
        for result, (_, target) in zip(results, rows, strict=True):
            yield self.text(result.hypotheses[0], target)


def dialect(path: Path, vocabulary: Iterable[str]) -> Dialect:
    """The family of this directory, and the languages it serves."""
    tokens = set(vocabulary)
    if (path / "source.spm").is_file():
        return _marian(path, tokens)
    spelled = {code: f"__{languages.M2M_SPELLING.get(code, code)}__" for code in languages.everything()}
    for tags in (spelled, languages.FLORES):
        known = {code: tag for code, tag in tags.items() if tag in tokens}
        if known:
            return Tagged(_narrowed(path, known))
    raise ModelMissing(
        f"the translation model {path} is of no known family: its vocabulary has neither __en__ (M2M-100) "
        "nor eng_Latn (NLLB), and there is no source.spm (OPUS-MT)"
    )


def _narrowed(path: Path, known: dict[str, str]) -> dict[str, str]:
    """Those that the model's description names, if it names any."""
    named = description.read(path).languages
    if unknown := [code for code in named if code not in known]:
        raise ModelMissing(f"{path / description.NAME} names languages that this model does not know: {unknown}")
    return {code: known[code] for code in named} or known


def _marian(path: Path, vocabulary: set[str]) -> Marian:
    """Languages of an OPUS-MT model: from tokenizer_config.json, else from the directory's name."""
    described = _read_json(path / "tokenizer_config.json")
    sources = str(described.get("source_lang") or "")
    targets = str(described.get("target_lang") or "")
    if not (sources and targets):
        named = re.search(
            r"opus-?mt[-_](?:tc-)?(?:big-|base-|tiny-)?([\w+]+)-([\w+]+?)(?:[-_](?:ct2|ctranslate2))?$", path.name
        )
        if named is None:
            raise ModelMissing(
                f"the OPUS-MT model {path} does not say which languages it serves: name its directory "
                "opus-mt-<source>-<target>, or put source_lang and target_lang into its tokenizer_config.json"
            )
        sources, targets = named.groups()
    tagged = {token[2:-2]: token for token in vocabulary if re.fullmatch(r">>\w+<<", token)}
    from_languages = languages.members(sources) or (
        list(languages.everything()) if set(sources.split("+")) & languages.ANY_FAMILY else []
    )
    if tagged:
        wanted = languages.members(targets) or languages.everything()
        into = {
            code: next(tagged[spelling] for spelling in languages.iso3(code) if spelling in tagged)
            for code in wanted
            if any(spelling in tagged for spelling in languages.iso3(code))
        }
    else:
        into = dict.fromkeys(languages.members(targets)[:1], "")
    if not from_languages or not into:
        raise ModelMissing(
            f"the OPUS-MT model {path} translates {sources!r} into {targets!r}, and these are no languages known here"
        )
    return Marian(from_languages, into)


class SentencePieces:
    def __init__(self, path: Path) -> None:
        import sentencepiece

        try:
            self._model: Any = sentencepiece.SentencePieceProcessor(model_file=str(path))
        except (RuntimeError, OSError) as error:
            raise ModelMissing(f"the tokenizer {path} cannot be read: {error}") from error

    def encode(self, text: str) -> list[str]:
        return list(self._model.encode(text, out_type=str))

    def decode(self, tokens: list[str]) -> str:
        # A piece that this model does not know comes out as it went in, with its mark for a space.
        return str(self._model.decode(tokens)).replace("▁", " ")


class TokenizerPieces:
    """Hugging Face's tokenizer.json, where the directory has no SentencePiece model."""

    def __init__(self, path: Path) -> None:
        import tokenizers

        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception
            raise ModelMissing(f"the tokenizer {path} cannot be read: {error}") from error

    def encode(self, text: str) -> list[str]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).tokens)

    def decode(self, tokens: list[str]) -> str:
        return str(self._tokenizer.decoder.decode(tokens))


def pieces(path: Path) -> tuple[Pieces, Pieces]:
    """(source, target) tokenizers of a model directory."""
    if (path / "source.spm").is_file():
        if not (path / "target.spm").is_file():
            raise ModelMissing(f"the OPUS-MT model {path} has a source.spm and no target.spm")
        return SentencePieces(path / "source.spm"), SentencePieces(path / "target.spm")
    for model in (path / "sentencepiece.bpe.model", *sorted(path.glob("*.model"))):
        if model.is_file():
            both = SentencePieces(model)
            return both, both
    if (path / "tokenizer.json").is_file():
        shared = TokenizerPieces(path / "tokenizer.json")
        return shared, shared
    raise ModelMissing(
        f"the translation model {path} has no tokenizer: copy sentencepiece.bpe.model (M2M-100, NLLB) or source.spm "
        "and target.spm (OPUS-MT) from the original model into it (ct2-transformers-converter --copy_files)"
    )


def read_vocabulary(path: Path) -> list[str]:
    """The target side's tokens, from shared_vocabulary or target_vocabulary, .json or .txt; and the source side's."""
    found: list[str] = []
    for name in ("shared_vocabulary", "source_vocabulary", "target_vocabulary", "vocabulary"):
        as_json, as_text = path / f"{name}.json", path / f"{name}.txt"
        try:
            if as_json.is_file():
                found += json.loads(as_json.read_text(encoding="utf-8"))
            elif as_text.is_file():
                found += as_text.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise ModelMissing(f"the translation model {path}: its {name} cannot be read: {error}") from error
    if not found:
        raise ModelMissing(f"the translation model {path} has no vocabulary: it must be a CTranslate2 model directory")
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise ModelMissing(f"{path} cannot be read: {error}") from error
    return loaded if isinstance(loaded, dict) else {}
