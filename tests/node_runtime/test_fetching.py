from __future__ import annotations

from pathlib import Path

import pytest

from node_runtime.fetching import chosen, from_directory
from tests.tiny_m2m import MODEL
from wire.errors import SettingsError


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (["model.bin", "config.json", "pytorch_model.bin", "README.md"], ["model.bin", "config.json"]),
        (
            ["model-00001-of-00002.safetensors", "pytorch_model.bin", "model.safetensors.index.json", "tf_model.h5"],
            ["model-00001-of-00002.safetensors", "model.safetensors.index.json"],
        ),
        (["pytorch_model.bin", "rust_model.ot", "source.spm", "onnx/config.json"], ["pytorch_model.bin", "source.spm"]),
        (["decoder.yml", "model.npz", "LICENSE"], ["model.npz", "decoder.yml"]),
        ([".gitattributes", "README.md"], []),
    ],
)
def test_of_several_forms_of_the_weights_one_is_fetched(files: list[str], wanted: list[str]) -> None:
    assert chosen(files) == wanted


def test_what_was_begun_is_hidden_and_finished_the_next_time(tmp_path: Path) -> None:
    (tmp_path / ".tiny.partial").mkdir()
    (tmp_path / ".tiny.partial" / "model.bin").write_bytes(b"half")
    from_directory(MODEL, tmp_path / "tiny")
    assert [each.name for each in tmp_path.iterdir()] == ["tiny"]
    assert (tmp_path / "tiny" / "model.bin").read_bytes() == (MODEL / "model.bin").read_bytes()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cache-dir"):
        from_directory(MODEL, tmp_path / "file" / "tiny")
