"""What it finds on this host; what it asks is tested with cli.host, cli.hardware and cli.models."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from cli.doctor import examined, main
from cli.findings import Finding, usable
from tests.cli.command import dragoman
from tests.nats_server import NatsServer, free_port
from wire import env


async def found(**settings: object) -> dict[str, Finding]:
    given = {"port": free_port()} | settings
    findings = await examined(env.load(env.UpSettings, given, {}), env.load(env.NodeSettings, None, {}))
    assert all(finding.mend for finding in findings if finding.state != "good")
    return {finding.what: finding for finding in findings}


async def test_a_host_where_up_would_work(tmp_path: Path) -> None:
    findings = await found(data_dir=str(tmp_path))
    assert usable(list(findings.values())), findings
    assert {"Python", "packages", "nats-server", "CPU", "memory", "GPU", "speech model", "data directory"} <= set(
        findings
    )
    assert "aiohttp" in findings["packages"].found
    assert "ctranslate2" in findings["packages"].found


async def test_a_port_in_use_is_lacking() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        finding = (await found(port=port))[f"port {port}"]
    assert finding.state == "lacking"
    assert "--port" in finding.mend


async def test_a_nats_server_is_looked_at(server: NatsServer) -> None:
    finding = (await found(nats_url=server.url))["NATS"]
    assert finding.state == "good"
    assert "with JetStream" in finding.found


async def test_a_nats_server_that_is_away_is_lacking() -> None:
    assert (await found(nats_url="nats://127.0.0.1:1"))["NATS"].state == "lacking"


async def test_a_data_directory_that_cannot_be_used_is_lacking() -> None:
    assert (await found(data_dir="/proc/dragoman"))["data directory"].state == "lacking"


async def test_as_json_and_with_an_exit_code(tmp_path: Path) -> None:
    result = await dragoman("doctor", "--json", "--port", "0", "--data-dir", str(tmp_path))
    assert result.code == 0
    assert json.loads(result.out)["usable"] is True
    result = await dragoman("doctor", "--json", "--port", "0", "--data-dir", "/proc/dragoman")
    assert result.code == 1
    assert json.loads(result.out)["usable"] is False


async def test_as_a_table(tmp_path: Path) -> None:
    result = await dragoman("doctor", "--port", "0", "--data-dir", str(tmp_path), "--asr-model", "nosuch")
    assert result.code == 1
    assert "lacking" in result.out
    assert callable(main)
