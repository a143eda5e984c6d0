"""Conversion by CTranslate2's own converters. What needs torch runs where it is installed."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from node_runtime import conversion, description
from node_runtime.conversion import convert
from node_runtime.engines.translate import Translation
from tests.node_runtime import marian
from wire.errors import ModelMissing, SettingsError


def test_a_model_that_marian_trained_is_converted_with_all_that_a_node_needs(tmp_path: Path) -> None:
    output = tmp_path / "models" / "opus-mt-fr-en"
    convert(marian.write(tmp_path / "checkpoint"), output, licence="CC-BY-4.0", source="Helsinki-NLP/opus-mt-fr-en")
    assert {each.name for each in output.iterdir()} == {
        "config.json", "dragoman.json", "model.bin", "shared_vocabulary.json", "source.spm", "target.spm",
    }  # fmt: skip
    assert description.read(output).licence == "CC-BY-4.0"
    model = Translation(output, "cpu", 1, 1)
    assert model.pairs == {"en": ["fr"]}
    assert "</s>" not in model.tokens("bonjour", "fr", "en")  # CTranslate2 adds it
    assert model.translate("bonjour le monde", "fr", "en")
    assert [each.name for each in output.parent.iterdir()] == [output.name]


def test_nothing_is_left_of_a_conversion_that_failed(tmp_path: Path) -> None:
    checkpoint = marian.write(tmp_path / "checkpoint")
    with pytest.raises(ModelMissing, match="opus-mt-<source>-<target>"):  # which languages, nothing says
        convert(checkpoint, tmp_path / "models" / "mine")
    (checkpoint / "model.npz").write_bytes(b"broken")
    with pytest.raises(ModelMissing, match="cannot be converted"):
        convert(checkpoint, tmp_path / "models" / "opus-mt-fr-en")
    assert list((tmp_path / "models").iterdir()) == []


def test_what_is_there_is_not_overwritten_and_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoint = marian.write(tmp_path / "checkpoint")
    with pytest.raises(SettingsError, match="is there already"):
        convert(checkpoint, tmp_path)
    (checkpoint / "model.bin").touch()
    with pytest.raises(ModelMissing, match="no checkpoint"):
        convert(checkpoint, tmp_path / "x")
    with pytest.raises(ModelMissing, match="no checkpoint"):
        convert(tmp_path, tmp_path / "x")


def test_without_torch_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "m2m_100"}')
    real = builtins.__import__

    def refusing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "torch":
            raise ImportError("no", name="torch")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refusing)
    with pytest.raises(ModelMissing, match=r"needs torch: pip install 'dragoman\[convert\]'"):
        convert(tmp_path, tmp_path / "x")


def test_of_several_tokenizers_the_one_that_is_used_is_copied(tmp_path: Path) -> None:
    for name in ("tokenizer.json", "sentencepiece.bpe.model", "tokenizer_config.json", "vocab.json"):
        (tmp_path / name).touch()
    assert conversion._beside(tmp_path) == ["sentencepiece.bpe.model", "tokenizer_config.json"]
    (tmp_path / "sentencepiece.bpe.model").unlink()
    assert conversion._beside(tmp_path) == ["tokenizer.json", "tokenizer_config.json"]


def test_a_whisper_checkpoint_is_told_by_its_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "whisper"}))
    assert conversion._hears(tmp_path)
    (tmp_path / "config.json").write_text("no json")
    assert not conversion._hears(tmp_path)


def test_a_transformers_checkpoint_is_converted(tmp_path: Path) -> None:
    """The way of every M2M-100, with a model that has learned nothing."""
    pytest.importorskip("torch", reason="pip install 'dragoman[convert]' to convert Transformers' checkpoints")
    pytest.importorskip("transformers")
    from tests import tiny_m2m

    tiny_m2m.train(tmp_path / "checkpoint", steps=1)
    convert(tmp_path / "checkpoint", tmp_path / "tiny", languages=["en", "fr"])
    model = Translation(tmp_path / "tiny", "cpu", 1, 1)
    assert model.pairs == {"en": ["fr"], "fr": ["en"]}
    whole = json.loads((tmp_path / "tiny" / "shared_vocabulary.json").read_text())
    assert whole.index("__fr__") - whole.index("__en__") == 6  # as facebook/m2m100_418M numbers them
    with pytest.raises(ModelMissing, match=r"checkpoint/dragoman.json names .* does not know: \['haw'\]"):
        convert(tmp_path / "checkpoint", tmp_path / "other", languages=["en", "haw"])
