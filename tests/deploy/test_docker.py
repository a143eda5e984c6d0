"""The Dockerfiles, which no engine built here: what they copy is there, and what they promise stands in them."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

from cli.main import COMMANDS
from tests.deploy.settings import DEPLOY
from wire import env

ROOT = DEPLOY.parent
FILES = sorted((DEPLOY / "docker").glob("Dockerfile*"))


def instructions(path: Path) -> list[tuple[str, str]]:
    """(word, rest) of each, with lines that go on joined and comments left out."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_runs_as_nobody_in_particular_and_ends_when_it_is_told(path: Path) -> None:
    found = instructions(path)
    assert found[0][0] == "FROM"
    last = found[max(at for at, (word, _) in enumerate(found) if word == "FROM") :]
    words = dict(last)
    assert words["USER"] == "10001"
    assert json.loads(words["ENTRYPOINT"])[-1] == "dragoman"
    assert json.loads(words["CMD"])[0] in COMMANDS
    check = json.loads(words["HEALTHCHECK"].split("CMD ", 1)[1])
    compile(check[-1], "healthcheck", "exec")
    known = {name for kind in env.ALL for name in kind.__struct_fields__}
    for name in re.findall(r"DRAGOMAN_(\w+)=", words["ENV"]):
        assert name.lower() in known, name
    assert "HEALTHCHECK" in words
    assert "DRAGOMAN_MONITOR_PORT=9100" in words["ENV"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_extras_that_it_installs_are_there(path: Path) -> None:
    declared = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE))
    for extras in re.findall(r"'\.\[([\w,]+)\]'", path.read_text(encoding="utf-8")):
        assert set(extras.split(",")) <= declared


def test_all_packages_go_into_the_image_and_no_secrets() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert all((ROOT / name).exists() for name in allowed)
    packages = re.search(r"include = \[(.*)\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert packages
    assert set(re.findall(r'"(\w+)\*"', packages[1])) <= allowed
    assert lines.index("deploy/secrets") > lines.index("!deploy")


@pytest.mark.parametrize(
    ("installed", "providers", "told"),
    [
        ({"onnxruntime-gpu"}, ["CUDAExecutionProvider", "CPUExecutionProvider"], ""),
        ({"onnxruntime-gpu", "onnxruntime"}, ["CUDAExecutionProvider"], "is installed beside"),
        ({"onnxruntime"}, ["CPUExecutionProvider"], "onnxruntime-gpu is not installed"),
        ({"onnxruntime-gpu"}, ["CPUExecutionProvider"], "knows CPUExecutionProvider and no CUDAExecutionProvider"),
    ],
)
def test_an_image_with_two_onnx_runtimes_is_not_built(installed: set[str], providers: list[str], told: str) -> None:
    spec = importlib.util.spec_from_file_location("one_onnxruntime", DEPLOY / "docker" / "one_onnxruntime.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = module.complaint(installed, providers)
    assert told in found
    assert bool(found) is bool(told)
    assert module.main() == 1, "this machine has the one for the CPU"
