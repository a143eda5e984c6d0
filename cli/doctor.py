"""`dragoman doctor`: look at this host, and say for each lack how to mend it.

It asks what `dragoman up` would ask with the same flags, and starts nothing. Exit code 0: `up` would work here.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from rich.console import Console

from cli import hardware, host, models
from cli.findings import Finding, as_json, table, usable
from cli.host import HostLacks
from wire import env, login, process
from wire.bus import Bus
from wire.errors import NatsUnavailable

PROGRAM = "dragoman doctor"
MIN_PYTHON = (3, 11)
MIN_NATS = (2, 11)
"""Older servers know no per-message TTL (ADR-43)."""

EXTRAS = ("node", "embedded")
"""Of pyproject.toml: what `up` needs beside the dependencies of every process."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = process.parser(env.UpSettings, PROGRAM, "Look at this host and say what is missing and how to mend it.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = vars(parser.parse_args(argv))
    config, json = arguments.pop("config"), arguments.pop("json")
    settings = env.load(env.UpSettings, arguments, config=config)
    node = env.load(env.NodeSettings, {"asr_model": settings.asr_model}, config=config)
    findings = asyncio.run(examined(settings, node))
    if json:
        print(as_json(findings))
    else:
        Console().print(table(findings))
    return 0 if usable(findings) else 1


async def examined(settings: env.UpSettings, node: env.NodeSettings) -> list[Finding]:
    return [
        _python(),
        *_packages(),
        *[finding async for finding in _nats(settings)],
        await _port(settings),
        *hardware.looked_at(),
        *models.looked_at(node),
        _data(settings),
    ]


# --- software -------------------------------------------------------------------------------------------------------


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < MIN_PYTHON:
        return Finding("Python", "lacking", found, "install Python 3.11 or newer, then make setup PYTHON=python3.11")
    return Finding("Python", "good", found)


def _packages() -> Iterator[Finding]:
    """One finding for each that is missing or too old, and one for all the rest."""
    fine = []
    for name, wanted in _required():
        found = hardware.version(name)
        if not found:
            yield Finding(
                name, "lacking", "not installed", f"pip install '{name}>={wanted}'" if wanted else f"pip install {name}"
            )
        elif wanted and _numbers(found) < _numbers(wanted):
            yield Finding(name, "lacking", f"{found} is too old", f"pip install --upgrade '{name}>={wanted}'")
        else:
            fine.append(f"{name} {found}")
    yield Finding("packages", "good", ", ".join(fine))


def _required() -> list[tuple[str, str]]:
    """(package, oldest version or "") as pyproject.toml has them; models are looked at by themselves."""
    found = []
    for line in importlib.metadata.requires("dragoman") or []:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"](\w+)['\"]", marker)
        name, _, wanted = requirement.strip().partition(">=")
        if (
            (extra is None or extra[1] in EXTRAS)
            and "[" not in name
            and "voice" not in name
            and "whisper-base" not in name
        ):
            found.append((name.strip(), wanted.strip()))
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


# --- NATS and ports -------------------------------------------------------------------------------------------------


async def _nats(settings: env.UpSettings) -> AsyncIterator[Finding]:
    if settings.nats_url:
        yield await _running_nats(settings)
        return
    try:
        yield Finding("nats-server", "good", host.nats_binary())
    except HostLacks as error:
        yield Finding("nats-server", "lacking", "not found", str(error).partition(": ")[2])
    usual = env.Settings().nats_url
    port = host.port_of(usual)
    try:
        host.check_port("127.0.0.1", port)
        yield Finding(f"port {port}", "good", "free for NATS")
    except HostLacks:
        info = await host.nats_info(usual)
        owner = f"NATS {info.version} runs there" if info else "something that is not NATS listens there"
        mend = f"`up` takes another port; to use that server: --nats-url {usual}" if info else "`up` takes another port"
        yield Finding(f"port {port}", "worth knowing", owner, mend)


async def _running_nats(settings: env.UpSettings) -> Finding:
    url = settings.nats_url
    mend = "start it with -js, or leave --nats-url out and `up` starts one"
    try:
        async with Bus.connect(url, "doctor", login.of(settings), patience=3) as bus:
            version = bus.server_version
    except NatsUnavailable:
        return Finding("NATS", "lacking", f"nobody answers at {url}", mend)
    info = await host.nats_info(url)
    if info is not None and not info.jetstream:
        return Finding("NATS", "lacking", f"{version} at {url} has no JetStream", mend)
    if _numbers(version) < MIN_NATS:
        wanted = ".".join(map(str, MIN_NATS))
        return Finding("NATS", "lacking", f"{version} at {url} is too old", f"use nats-server {wanted} or newer")
    return Finding("NATS", "good", f"{version} with JetStream at {url}")


async def _port(settings: env.UpSettings) -> Finding:
    name = f"port {settings.port}"
    try:
        host.check_port(settings.host, settings.port)
    except HostLacks as error:
        found, _, mend = str(error).partition(": ")
        if await host.readiness(f"http://{host.reachable(settings.host)}:{settings.port}") is not None:
            found += " by a Dragoman that runs already"
        return Finding(name, "lacking", found, mend)
    return Finding(name, "good", f"free on {settings.host}" if settings.port else "any free one")


# --- disk -------------------------------------------------------------------------------------------------------------


def _data(settings: env.UpSettings) -> Finding:
    directory = Path(settings.data_dir).expanduser()
    if not os.access(host.nearest(directory), os.W_OK):
        return Finding("data directory", "lacking", f"{directory} cannot be written", "choose another with --data-dir")
    free = host.free_bytes(directory)
    if free < host.MIN_FREE_BYTES:
        return Finding(
            "data directory",
            "lacking",
            f"{free / 1e9:.2f} GB free at {directory}",
            "make room, or choose another with --data-dir",
        )
    return Finding("data directory", "good", f"{free / 1e9:.0f} GB free at {directory}")
