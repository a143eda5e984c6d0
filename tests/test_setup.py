"""What `make setup` installs is pinned, all of it; and what is installed can be found."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PINS: dict[str, str] = {
    str(canonicalize_name(name)): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
}


def closure(name: str, extras: frozenset[str]) -> set[str]:
    """Every package that installing `name[extras]` here brings with it."""
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [(canonicalize_name(name), extras)]
    while todo:
        package, wanted = todo.pop()
        if (package, wanted) in seen:
            continue
        seen.add((package, wanted))
        for line in metadata.requires(package) or ():
            requirement = Requirement(line)
            applies = requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in (wanted or {""}) | {""}
            )
            if applies:
                todo.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return {str(package) for package, _ in seen} - {"dragoman"}


def test_everything_that_setup_installs_is_pinned_to_what_is_here() -> None:
    needed = closure("dragoman", frozenset({"embedded", "test"}))
    assert {name: metadata.version(name) for name in needed} == {name: PINS.get(name, "no pin") for name in needed}
    assert len(needed) > 40


def test_no_file_of_the_project_names_a_package_registry() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: there is no list of the project's files")
    hosts = re.compile("|".join(("pypi" + r"\.org", "python" + "hosted", "registry" + r"\.npmjs", "deb" + r"\.debian")))
    files = [
        ROOT / name
        for name in listed.stdout.splitlines()
        if (ROOT / name).suffix in (".py", ".toml", ".txt", ".md", "")
    ]
    guilty = [file.name for file in files if file.is_file() and hosts.search(file.read_text("utf-8", "ignore"))]
    assert guilty == []


def test_the_servers_configuration_is_found_wherever_the_package_is_installed() -> None:
    with resources.as_file(resources.files("deploy") / "nats" / "dragoman.conf") as path:
        assert "jetstream" in path.read_text()


def test_make_and_the_ci_script_can_be_read() -> None:
    for command in (["bash", "-n", ".ci/run"], ["make", "-n", "setup", "up", "test", "lint", "clean"]):
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_an_old_python_is_refused_in_words(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c \"import sys; sys.version_info = (3, 9); sys.version = '3.9.2'\n$2\"\n"
    )
    old.chmod(0o755)
    ran = subprocess.run(
        ["make", "setup", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert "needs Python 3.11 or newer" in ran.stderr
