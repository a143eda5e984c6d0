from __future__ import annotations

import asyncio
import functools
import os
import re
import signal
import socket
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ingress.main import main, serve
from tests.ingress.client import get
from tests.nats_server import NatsServer, free_port
from wire.bus import Bus
from wire.env import IngressSettings
from wire.errors import DragomanError, NatsUnavailable

ROOT = Path(__file__).parents[2]


async def test_a_port_in_use_is_named_with_the_mend(server: NatsServer) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DragomanError, match=rf"port {port} .*--port") as caught:
            await serve(IngressSettings(nats_url=server.url, port=port), asyncio.Event())
    assert caught.value.code == "port_in_use"


async def test_a_host_that_is_not_ours(server: NatsServer) -> None:
    with pytest.raises(DragomanError, match=r"192\.0\.2\.1") as caught:
        await serve(IngressSettings(nats_url=server.url, host="192.0.2.1", port=0, auth="off"), asyncio.Event())
    assert caught.value.code == "port_unusable"


async def test_all_interfaces_are_shown_as_an_address_that_can_be_opened(server: NatsServer) -> None:
    for host in ("0.0.0.0", "::1"):
        stop, found = asyncio.Event(), asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:
            settings = IngressSettings(nats_url=server.url, host=host, port=0, auth="off")
            group.create_task(serve(settings, stop, ready=found.set_result))
            assert (await get(await found + "/healthz"))[0] == 200
            stop.set()


async def run(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingress", "--log-format", "json", *arguments,
        cwd=ROOT, stderr=asyncio.subprocess.PIPE, env={**os.environ},
    )  # fmt: skip


async def test_the_process_serves_until_it_is_asked_to_end(server: NatsServer) -> None:
    process = await run("--nats-url", server.url, "--port", "0")
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while not (found := re.search(r'"url": ?"(http[^"]+)"', (await process.stderr.readline()).decode())):
            assert process.returncode is None
        assert (await get(found[1] + "/healthz"))[0] == 200
        process.send_signal(signal.SIGTERM)
        await process.stderr.read()
        assert await process.wait() == 0


async def test_the_process_ends_with_1_where_the_port_is_in_use(server: NatsServer) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        process = await run("--nats-url", server.url, "--port", str(taken.getsockname()[1]))
        _, told = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    line = told.decode().strip().splitlines()[-1]
    assert re.fullmatch(r"dragoman ingress: port \d+ on 127\.0\.0\.1 is in use: .*--port", line), line
    assert "Traceback" not in told.decode()


async def test_the_process_does_not_start_where_everybody_could_come_in(server: NatsServer) -> None:
    process = await run("--nats-url", server.url, "--host", "0.0.0.0", "--port", "0")
    _, told = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2, "so that nobody starts it again and again"
    line = told.decode().strip().splitlines()[-1]
    assert line.startswith("dragoman ingress: others can reach 0.0.0.0")
    assert "dragoman keys create" in line
    assert "--auth off" in line


async def test_nats_away_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bus, "connect", functools.partial(Bus.connect, patience=0.5))
    address = f"nats://127.0.0.1:{free_port()}"
    with pytest.raises(NatsUnavailable, match=address):
        await serve(IngressSettings(nats_url=address, port=0), asyncio.Event())


def test_bad_flags_end_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--port", "99999"])
    assert ended.value.code == 2
    assert "--port" in capsys.readouterr().err
