from __future__ import annotations

from pathlib import Path

from node_runtime import languages, shelf
from node_runtime.catalog import base_place


def test_names_and_repositories_are_known_and_every_opus_mt() -> None:
    for each in shelf.KNOWN:
        assert shelf.known(each.name) == each
        assert not each.repository or shelf.known(each.repository) == each
    opus = shelf.known("Helsinki-NLP/opus-mt-fr-de")
    assert opus is not None
    assert (opus.name, opus.repository, opus.converted) == ("opus-mt-fr-de", "Helsinki-NLP/opus-mt-fr-de", False)
    assert shelf.known("nosuch") is None


def test_numbers_of_languages_are_those_of_the_code() -> None:
    assert str(len(languages.FLORES)) in shelf.NLLB


def test_the_cache_shows_whole_models_and_what_is_wrong_with_one(tmp_path: Path) -> None:
    models = tmp_path / "models"
    for name in ("broken", ".broken.partial", "nothing"):
        (models / name).mkdir(parents=True)
    for directory in (models / "broken", models / ".broken.partial"):
        (directory / "model.bin").write_bytes(bytes(1000))
    base_place(tmp_path).mkdir()
    (base_place(tmp_path) / "model.bin").touch()
    (only,) = shelf.held(tmp_path)
    assert (only.name, only.kind, only.gigabytes) == ("broken", "translates", 1e-6)
    assert "no tokenizer" in only.languages
    assert not list(shelf.held(tmp_path / "elsewhere"))
