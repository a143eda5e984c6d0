from __future__ import annotations

from pathlib import Path

from node_runtime.engines.identity import SAMPLE, identity


def model(directory: Path, weights: bytes, config: str = "{}") -> Path:
    directory.mkdir()
    (directory / "model.bin").write_bytes(weights)
    (directory / "config.json").write_text(config)
    return directory


def test_the_same_files_are_the_same_model_wherever_they_lie(tmp_path: Path) -> None:
    weights = bytes(5 * SAMPLE)
    one = identity(model(tmp_path / "one", weights), "cpu")
    assert one == identity(model(tmp_path / "two", weights), "cpu")
    assert " " not in one


def test_other_weights_settings_or_devices_are_others(tmp_path: Path) -> None:
    size = 5 * SAMPLE
    weights = [bytes(size), bytes(size + 1), b"\1" + bytes(size - 1), bytes(size - 1) + b"\1"]
    weights.append(bytes(size // 2) + b"\1" + bytes(size - size // 2 - 1))
    found = {identity(model(tmp_path / str(number), each), "cpu") for number, each in enumerate(weights)}
    found.add(identity(model(tmp_path / "config", weights[0], '{"a": 1}'), "cpu"))
    found.add(identity(tmp_path / "0", "cuda"))
    assert len(found) == 7
