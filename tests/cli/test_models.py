from __future__ import annotations

from pathlib import Path

import pytest

from cli import models
from cli.findings import Finding
from wire import env


def found(**settings: object) -> dict[str, Finding]:
    return {finding.what: finding for finding in models.looked_at(env.load(env.NodeSettings, settings, {}))}


def test_what_is_packaged_is_found() -> None:
    findings = found()
    assert (findings["speech model"].state, findings["voice"].state, findings["model cache"].state) == ("good",) * 3


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.PACKAGED_ASR, "base", ("no_such_package",))
    assert found()["speech model"] == Finding(
        "speech model", "lacking", "base is not installed", "pip install no-such-package"
    )


def test_directories_and_files_are_looked_into(tmp_path: Path) -> None:
    assert found(asr_model=str(tmp_path))["speech model"].state == "lacking"
    (tmp_path / "model.bin").touch()
    (tmp_path / "voice.onnx").touch()
    findings = found(asr_model=str(tmp_path), nmt_models=str(tmp_path), voices=str(tmp_path / "voice.onnx"))
    assert {findings[what].state for what in ("speech model", "translation model", "voice")} == {"good"}


def test_what_was_fetched_is_found_by_its_name(tmp_path: Path) -> None:
    for name in ("m2m100-418m/model.bin", "de_DE-thorsten-medium/de_DE-thorsten-medium.onnx"):
        (tmp_path / "models" / name).parent.mkdir(parents=True)
        (tmp_path / "models" / name).touch()
    findings = found(cache_dir=str(tmp_path), nmt_models="m2m100-418m", voices="de_DE-thorsten-medium")
    assert {findings[what].state for what in ("translation model", "voice")} == {"good"}


def test_what_comes_from_a_hub_is_told() -> None:
    assert found(asr_model="hub:owner/name")["speech model"].state == "worth knowing"


def test_an_unknown_name_is_lacking_and_the_known_are_named() -> None:
    finding = found(asr_model="nosuch")["speech model"]
    assert finding.state == "lacking"
    assert "base, tiny.en" in finding.mend
