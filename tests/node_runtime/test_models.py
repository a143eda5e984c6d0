"""`dragoman models`, as a person runs it, on directories and on a stand-in for the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from node_runtime import catalog
from tests.cli.command import Ended, ended, started
from tests.node_runtime import hub, marian
from tests.tiny_m2m import MODEL

VOICE = "de_DE-thorsten-medium"


def run(capsys: pytest.CaptureFixture[str], cache: Path, *arguments: str) -> tuple[int, str, str]:
    code = main(["models", *arguments, "--cache-dir", str(cache)])
    return code, *capsys.readouterr()


async def command(*arguments: str, **variables: str) -> Ended:
    return await ended(await started(*arguments, **variables))


def listed(capsys: pytest.CaptureFixture[str], cache: Path) -> dict[str, dict[str, Any]]:
    code, out, _ = run(capsys, cache, "list", "--json")
    assert code == 0
    return {row["name"]: row for row in json.loads(out)}


def test_what_is_known_is_listed_with_languages_sizes_and_licences(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = listed(capsys, tmp_path)
    assert rows["base"]["here"] == "packaged"
    assert rows["m2m100-418m"]["licence"] == "MIT"
    assert {rows[name]["licence"] for name in rows if name.startswith("nllb")} == {"CC-BY-NC-4.0"}
    assert all(row["languages"] and row["gigabytes"] > 0 and row["licence"] for row in rows.values())
    _, out, _ = run(capsys, tmp_path, "list")
    assert "not for commercial use" in out
    assert all(name[:12] in out for name in rows)


def test_a_directory_is_pulled_listed_found_and_given_to_a_node_by_its_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = run(capsys, tmp_path, "pull", str(MODEL))
    assert code == 0
    assert "dragoman node --nmt-models tiny-m2m100" in out
    assert "licence: MIT" in out
    row = listed(capsys, tmp_path)["tiny-m2m100"]
    assert (row["kind"], row["languages"]) == ("translates", "de, en, es, fr, zh into de, en, es, fr, zh")
    place = tmp_path / "models" / "tiny-m2m100"
    assert run(capsys, tmp_path, "path", "tiny-m2m100")[1] == f"{place}\n"
    assert catalog.nmt("tiny-m2m100", tmp_path) == place
    assert {each.name for each in place.iterdir()} == {each.name for each in MODEL.iterdir()}
    code, _, complaint = run(capsys, tmp_path, "pull", str(MODEL))
    assert code == 2
    assert "is there already" in complaint
    assert run(capsys, tmp_path, "pull", str(MODEL), "--name", "second")[0] == 0
    assert run(capsys, tmp_path, "path", "second")[0] == 0


def test_a_checkpoint_is_converted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    checkpoint = marian.write(tmp_path / "opus-mt-fr-en")
    code, out, _ = run(capsys, tmp_path, "convert", str(checkpoint))
    assert code == 0
    assert "translates fr into en" in out
    assert catalog.nmt("opus-mt-fr-en", tmp_path).is_dir()


def test_what_is_packaged_has_a_path_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert (Path(run(capsys, tmp_path, "path", "tiny.en")[1].strip()) / "model.bin").is_file()
    assert Path(run(capsys, tmp_path, "path", "en_US-joe-medium")[1].strip()).is_file()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("path", "nllb-200-600m"), "pull or convert brings it"),
        (("pull", "nosuch"), "OWNER/NAME"),
        (("pull", "base"), "comes as a package"),
        (("convert", "{tmp}"), "no checkpoint"),
        (("pull", "{tmp}"), "no model of ours"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, str], told: str
) -> None:
    (tmp_path / "empty").mkdir()
    code, _, complaint = run(capsys, tmp_path, *(each.replace("{tmp}", str(tmp_path / "empty")) for each in arguments))
    assert code != 0
    assert told in complaint
    assert complaint.count("\n") == 1


# --- from the hub -----------------------------------------------------------------------------------------------------


async def test_a_model_of_the_hub_is_fetched_with_its_licence(tmp_path: Path) -> None:
    files = {each.name: each.read_bytes() for each in MODEL.iterdir() if each.name != "dragoman.json"}
    files |= {"README.md": b"hello", "onnx/model.onnx": b"not wanted", ".gitattributes": b""}
    with hub.serving({"someone/tiny": files}, licence="cc-by-nc-4.0") as stand_in:
        variables = {"HF_ENDPOINT": stand_in.url, "DRAGOMAN_CACHE_DIR": str(tmp_path)}
        pulled = await command("models", "pull", "someone/tiny", **variables)
        assert pulled.code == 0, pulled.complaints
        missing = await command("models", "pull", "someone/else", **variables)
    assert "licence: cc-by-nc-4.0" in pulled.out
    assert "forbids commercial use" in pulled.out
    assert "%" in pulled.complaints  # the bar
    assert "README.md" not in stand_in.sent
    assert catalog.nmt("tiny", tmp_path).is_dir()
    assert {each.name for each in (tmp_path / "models").iterdir()} == {"tiny"}
    assert missing.code == 1
    assert "hub:someone/else could not be fetched" in missing.complaints


async def test_a_checkpoint_of_the_hub_is_fetched_and_converted(tmp_path: Path) -> None:
    checkpoint = marian.write(tmp_path / "source")
    files = {each.name: each.read_bytes() for each in checkpoint.iterdir()}
    with hub.serving({"Helsinki-NLP/opus-mt-fr-en": files}) as stand_in:
        variables = {"HF_ENDPOINT": stand_in.url, "DRAGOMAN_CACHE_DIR": str(tmp_path)}
        pulled = await command("models", "pull", "opus-mt-fr-en", **variables)
        assert "dragoman models convert opus-mt-fr-en" in pulled.out, pulled.complaints
    converted = await command("models", "convert", "opus-mt-fr-en", **variables)  # the hub is gone, nothing is missed
    assert converted.code == 0, converted.complaints
    assert "CC-BY-4.0" in converted.out
    assert catalog.nmt("opus-mt-fr-en", tmp_path).is_dir()


async def test_a_voice_of_the_hub_is_fetched_by_its_name(tmp_path: Path) -> None:
    folder = f"de/de_DE/thorsten/medium/{VOICE}"
    with hub.serving({"rhasspy/piper-voices": {f"{folder}.onnx": b"voice", f"{folder}.onnx.json": b"{}"}}) as stand_in:
        variables = {"HF_ENDPOINT": stand_in.url, "DRAGOMAN_CACHE_DIR": str(tmp_path)}
        pulled = await command("models", "pull", VOICE, **variables)
    assert pulled.code == 0, pulled.complaints
    assert f"--voices {VOICE}" in pulled.out
    assert catalog.voice(VOICE, tmp_path).read_bytes() == b"voice"
    assert {each.name for each in (tmp_path / "models" / VOICE).iterdir()} == {
        f"{VOICE}.onnx", f"{VOICE}.onnx.json", "dragoman.json",
    }  # fmt: skip
