"""`dragoman up` as people start it, with the real processes and the node's scripted engine."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from cli.up import announcement
from tests.cli.command import dragoman, started
from tests.cli.sound import wav
from tests.nats_server import NatsServer, free_port


class Running:
    """A `dragoman up` whose lines are read as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def said(self, pattern: str) -> re.Match[str]:
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            while line := await self.process.stdout.readline():
                self.lines.append(line.decode().rstrip())
                if found := re.search(pattern, self.lines[-1]):
                    return found
        raise AssertionError(f"{pattern!r} was never said:\n" + "\n".join(self.lines))

    def family(self) -> list[psutil.Process]:
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found

    def child(self, module: str) -> psutil.Process:
        children = psutil.Process(self.process.pid).children()
        return next(each for each in children if module in " ".join(each.cmdline()))

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(5):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode


@contextlib.asynccontextmanager
async def up(data: Path, *flags: str, **variables: str) -> AsyncIterator[Running]:
    scripted = {"DRAGOMAN_ENGINE": "scripted"} | variables
    running = Running(await started("up", "--port", "0", "--data-dir", str(data), *flags, **scripted))
    family: list[psutil.Process] = []
    try:
        yield running
    finally:
        if running.process.returncode is None:
            family = running.family()
            running.process.kill()
            await running.process.communicate()
        await all_gone(family)


async def all_gone(family: list[psutil.Process]) -> None:
    _, alive = await asyncio.to_thread(psutil.wait_procs, family, timeout=5)
    assert not alive


async def test_from_start_to_ctrl_c(tmp_path: Path) -> None:
    """All is up, speech goes through, a child that is killed comes back, and Ctrl-C leaves nothing."""
    async with up(tmp_path / "data") as running:
        url = (await running.said(r"--url (ws://\S+)"))[1]
        assert any("Dragoman is ready: http://127.0.0.1:" in line for line in running.lines)
        played = await dragoman("stream", str(wav(tmp_path / "a.wav", 1.0)), "--url", url, "--json", "--speed", "4")
        assert (played.code, played.events[-1]["type"]) == (0, "summary")
        first = running.child("actors")
        first.kill()
        await running.said(r"scheduler *\| was ended by SIGKILL: starting it again in 0.5 s")
        family = running.family()
        assert len(family) >= 3
        assert await running.end(signal.SIGINT) == 0
        await all_gone(family)
    assert (tmp_path / "data" / "nats" / "jetstream").is_dir()


async def test_killed_it_leaves_nothing_behind(tmp_path: Path) -> None:
    async with up(tmp_path) as running:
        await running.said("Dragoman is ready")
        family = running.family()
        assert len(family) >= 4
        running.process.kill()
        await running.process.wait()
        await all_gone(family)


async def test_a_server_that_runs_already_is_used_and_all_that_is_started_tells_its_metrics(
    tmp_path: Path, server: NatsServer
) -> None:
    first = free_port()
    async with up(tmp_path, "--nats-url", server.url, "--monitor-port", str(first)) as running:
        await running.said("Dragoman is ready")
        assert not any("nats-server" in " ".join(each.cmdline()) for each in running.family())
        async with aiohttp.ClientSession() as client:
            for place, name in enumerate(("scheduler", "ingress", "node")):
                url = (await running.said(rf"Metrics of {name}: +(http://\S+)"))[1]
                assert url == f"http://127.0.0.1:{first + place}/metrics"
                async with client.get(url) as answer:
                    assert f'role="{name}"' in await answer.text()
        assert await running.end(signal.SIGTERM) == 0


async def test_ctrl_c_while_it_starts_ends_it_too(tmp_path: Path) -> None:
    async with up(tmp_path) as running:
        await running.said("waiting")
        family = running.family()
        assert await running.end(signal.SIGINT) == 0
        await all_gone(family)


async def test_a_model_that_is_missing_stops_the_whole_and_is_named(tmp_path: Path) -> None:
    result = await dragoman(
        "up", "--port", "0", "--data-dir", str(tmp_path), "--asr-model", "nosuch", DRAGOMAN_ENGINE="models"
    )
    assert result.code == 1
    assert result.complaint.startswith("dragoman up: node ended with exit code 2 and would do so again: ")
    assert "nosuch" in result.complaint


# --- told before anything is started --------------------------------------------------------------------------------


async def test_a_port_in_use_is_told_with_the_flag(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        result = await dragoman("up", "--port", str(port), "--data-dir", str(tmp_path))
    assert (result.code, result.out) == (1, "")
    assert f"port {port} on 127.0.0.1 is in use" in result.complaint
    assert "--port" in result.complaint


async def test_nats_away_is_told(tmp_path: Path) -> None:
    url = "nats://127.0.0.1:1"
    result = await dragoman("up", "--port", "0", "--data-dir", str(tmp_path), "--nats-url", url)
    assert (result.code, result.out) == (1, "")
    assert result.complaint.startswith(
        f"dragoman up: no NATS server answers at {url}: start it, or leave --nats-url out"
    )


async def test_a_data_directory_that_is_in_use_or_unusable_is_told(tmp_path: Path) -> None:
    async with up(tmp_path) as running:
        await running.said("starting NATS")
        result = await dragoman("up", "--port", "0", "--data-dir", str(tmp_path))
        assert (result.code, result.out) == (1, "")
        assert f"another `dragoman up` (process {running.process.pid}) uses {tmp_path}" in result.complaint
    result = await dragoman("up", "--port", "0", "--data-dir", "/proc/dragoman")
    assert result.code == 1
    assert "choose another with --data-dir" in result.complaint


async def test_a_reader_that_goes_away_ends_it(tmp_path: Path) -> None:
    """`dragoman up | head -1`"""
    async with up(tmp_path) as running:
        await running.said("starting NATS")
        assert running.process.stdout is not None
        running.process.stdout._transport.close()  # type: ignore[attr-defined]
        async with asyncio.timeout(30):
            assert await running.process.wait() == 0


def test_the_announcement_says_where_and_how() -> None:
    text = "\n".join(announcement("http://127.0.0.1:8080"))
    assert "http://127.0.0.1:8080" in text
    assert "dragoman stream speech.mp3 --target en --url ws://127.0.0.1:8080" in text


@pytest.mark.models
async def test_with_real_models(tmp_path: Path) -> None:
    async with up(tmp_path, DRAGOMAN_ENGINE="models", DRAGOMAN_ASR_MODEL="tiny.en") as running:
        await running.said("Dragoman is ready")
        family = running.family()
        assert await running.end(signal.SIGINT) == 0
        await all_gone(family)


async def test_where_others_can_come_a_key_is_made_and_demanded(tmp_path: Path) -> None:
    async with up(tmp_path, "--host", "0.0.0.0") as running:
        where = (await running.said(r"Its key: +in (\S+)"))[1]
        url = next(found[1] for line in running.lines if (found := re.search(r"--url (ws://\S+)", line)))
        sound = str(wav(tmp_path / "a.wav", 1.0))
        refused = await dragoman("stream", sound, "--url", url, "--json")
        assert refused.code == 3
        assert "API key" in refused.of("error")[0]["message"]
        key = Path(where).read_text().strip()  # noqa: ASYNC240
        played = await dragoman("stream", sound, "--url", url, "--json", "--speed", "4", DRAGOMAN_KEY=key)
        assert played.code == 0
        assert not any(key in line for line in running.lines)
        assert await running.end(signal.SIGINT) == 0
