"""Translation models without a hub: the tokens that each family wants, and the real call on tiny models made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ctranslate2
import pytest

from bench import random_model
from node_runtime.engines.base import Wanted
from node_runtime.engines.translate import Translation, dialect
from tests.node_runtime import pieces
from wire.errors import ModelMissing

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
M2M = ["__de__", "__en__", "__fr__", "__zh__"]
NLLB = ["deu_Latn", "eng_Latn", "fra_Latn", "zho_Hans"]


@pytest.fixture(scope="session")
def spm() -> bytes:
    """A tiny SentencePiece model."""
    return pieces.trained()


def write_model(path: Path, vocabulary: list[str], spm_files: dict[str, bytes], **config: Any) -> Path:
    """A transformer with random weights, 1 layer of 16 units, in CTranslate2's form."""
    random_model.write(path, random_model.Shape(1, 16, 2, 64, len(vocabulary), tied=False), vocabulary, **config)
    for name, data in spm_files.items():
        (path / name).write_bytes(data)
    return path


@pytest.fixture
def m2m(tmp_path: Path, spm: bytes) -> Translation:
    vocabulary = [*SPECIAL, *pieces.names(), *M2M]
    return Translation(write_model(tmp_path / "m2m", vocabulary, {"sentencepiece.bpe.model": spm}), "cpu", 1, 1)


@pytest.fixture
def nllb(tmp_path: Path, spm: bytes) -> Translation:
    vocabulary = [*SPECIAL, *pieces.names(), *NLLB]
    return Translation(write_model(tmp_path / "nllb", vocabulary, {"sentencepiece.bpe.model": spm}), "cpu", 1, 1)


def opus(tmp_path: Path, spm: bytes, name: str, tags: list[str], **config: Any) -> Translation:
    vocabulary = [*SPECIAL, *pieces.names(), *tags]
    return Translation(
        write_model(tmp_path / name, vocabulary, {"source.spm": spm, "target.spm": spm}, **config), "cpu", 1, 1
    )


def test_m2m_says_both_languages(m2m: Translation) -> None:
    tokens = m2m.tokens("bonjour le monde", "fr", "en")
    assert tokens[0] == "__fr__"
    assert tokens[-1] == "</s>"
    assert "".join(tokens[1:-1]).replace("▁", " ").strip() == "bonjour le monde"
    assert m2m.pairs["en"] == ["de", "fr", "zh"]
    assert set(m2m.pairs) == {"de", "en", "fr", "zh"}


def test_nllb_speaks_flores(nllb: Translation) -> None:
    assert nllb.tokens("bonjour", "fr", "zh")[0] == "fra_Latn"
    assert nllb.tokens("bonjour", "fr", "zh")[-1] == "</s>"
    assert set(nllb.pairs["zh"]) == {"de", "en", "fr"}


@pytest.mark.parametrize(("family", "tag"), [("m2m", "__de__"), ("nllb", "deu_Latn")])
def test_the_model_is_really_asked_for_the_target_and_the_tag_is_taken_off(
    family: str, tag: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Translation = request.getfixturevalue(family)
    seen: list[Any] = []
    real = model._translator

    class Recording:
        def translate_batch(self, *args: Any, **kwargs: Any) -> Any:
            results = real.translate_batch(*args, **kwargs)
            seen.extend([args[0], kwargs["target_prefix"], [each.hypotheses[0] for each in results]])
            return results

    monkeypatch.setattr(model, "_translator", Recording())
    text = model.translate("Hello world. How are you?", "en", "de")
    batch, prefixes, hypotheses = seen
    assert len(batch) == 2  # a sentence each, in one call
    assert prefixes == [[tag], [tag]]
    assert all(hypothesis[0] == tag for hypothesis in hypotheses)
    assert all(tag not in model.text(hypothesis, "de") for hypothesis in hypotheses)
    assert tag not in text
    assert text  # random weights: words of some kind


def test_all_targets_go_in_one_batch_each_row_with_its_own(m2m: Translation, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    real = m2m._translator

    class Recording:
        def translate_batch(self, *args: Any, **kwargs: Any) -> Any:
            calls.append([args[0], kwargs["target_prefix"]])
            return real.translate_batch(*args, **kwargs)

    monkeypatch.setattr(m2m, "_translator", Recording())
    wanted = [Wanted("Hello world. How are you?", "de"), Wanted("Hello.", "zh"), Wanted("", "fr")]
    assert len(m2m.translate_many(wanted, "en")) == 3
    ((batch, prefixes),) = calls
    assert prefixes == [["__de__"], ["__de__"], ["__zh__"]]
    assert [row[0] for row in batch] == ["__en__"] * 3
    assert m2m.translate_many([Wanted("", "fr")], "en") == [""]
    assert len(calls) == 1


def test_a_result_loses_its_prefix_and_special_tokens_and_nothing_else(m2m: Translation) -> None:
    assert m2m.text(["__en__", "▁hello", "</s>"], "en") == "hello"
    assert m2m.text(["▁hello"], "en") == "hello"


def test_opus_of_one_pair_has_no_tags(tmp_path: Path, spm: bytes) -> None:
    model = opus(tmp_path, spm, "opus-mt-fr-en", [])
    assert model.pairs == {"en": ["fr"]}
    tokens = model.tokens("bonjour", "fr", "en")
    assert tokens[-1] == "</s>"
    assert not tokens[0].startswith(">>")
    assert model.translate("bonjour le monde", "fr", "en")


def test_opus_with_many_targets_says_which(tmp_path: Path, spm: bytes) -> None:
    model = opus(tmp_path, spm, "opus-mt-tc-big-en-itc", [">>fra<<", ">>spa<<", ">>por<<"])
    assert set(model.pairs) == {"fr", "es", "pt"}
    assert model.pairs["fr"] == ["en"]
    assert model.tokens("hello", "en", "fr")[0] == ">>fra<<"
    assert model.tokens("hello", "en", "es")[0] == ">>spa<<"


def test_opus_tags_may_have_scripts(tmp_path: Path, spm: bytes) -> None:
    model = opus(tmp_path, spm, "opus-mt-en-mul", [">>cmn_Hans<<", ">>fra<<", ">>xho<<"])
    assert set(model.pairs) == {"fr", "zh"}
    assert model.tokens("hello", "en", "zh")[0] == ">>cmn_Hans<<"


def test_opus_of_many_sources(tmp_path: Path, spm: bytes) -> None:
    model = opus(tmp_path, spm, "opus-mt-ROMANCE-en", [])
    assert {"fr", "es", "it"} <= set(model.pairs["en"])
    assert "de" not in model.pairs["en"]


def test_opus_converted_from_marian_gets_its_end_from_ctranslate2(tmp_path: Path, spm: bytes) -> None:
    model = opus(tmp_path, spm, "opus-mt-fr-en", [], add_source_eos=True)
    assert "</s>" not in model.tokens("bonjour", "fr", "en")


def test_opus_languages_from_its_tokenizer_config(tmp_path: Path, spm: bytes) -> None:
    path = write_model(tmp_path / "m", [*SPECIAL, *pieces.names()], {"source.spm": spm, "target.spm": spm})
    with pytest.raises(ModelMissing, match="opus-mt-<source>-<target>"):
        Translation(path, "cpu", 1, 1)
    (path / "tokenizer_config.json").write_text(json.dumps({"source_lang": "deu", "target_lang": "eng"}))
    assert Translation(path, "cpu", 1, 1).pairs == {"en": ["de"]}


def test_javanese_is_spelled_otherwise_in_m2m(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    found = dialect(tmp_path / "x", ["__jv__", "__en__"])
    assert found.prefix("jw") == ["__jv__"]


def test_broken_directories_say_what_is_wrong(tmp_path: Path, spm: bytes) -> None:
    with pytest.raises(ModelMissing, match=r"no model\.bin"):
        Translation(tmp_path, "cpu", 1, 1)
    whole = write_model(tmp_path / "m2m", [*SPECIAL, *pieces.names(), *M2M], {})
    with pytest.raises(ModelMissing, match="no tokenizer"):
        Translation(whole, "cpu", 1, 1)
    (whole / "sentencepiece.bpe.model").write_bytes(spm)
    data = (whole / "model.bin").read_bytes()
    (whole / "model.bin").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelMissing, match="cannot be loaded"):
        Translation(whole, "cpu", 1, 1)
    (whole / "sentencepiece.bpe.model").write_bytes(b"no model")
    with pytest.raises(ModelMissing, match="cannot be read"):
        Translation(whole, "cpu", 1, 1)
    strange = write_model(tmp_path / "strange", [*SPECIAL, *pieces.names()], {"sentencepiece.bpe.model": spm})
    with pytest.raises(ModelMissing, match="no known family"):
        Translation(strange, "cpu", 1, 1)
    assert ctranslate2.__version__
