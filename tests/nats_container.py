"""The server of `tests/nats_server.py` in a container: `pytest --nats container`, where a Docker engine answers.

Only this option imports docker and testcontainers. The container keeps its port and its store over `kill` and `start`,
as the local server does.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.nats_server import CONFIG, NatsServer

IMAGE = "nats:2.14-alpine"
READY_S = 60.0


@functools.cache
def engine_problem() -> str | None:
    """Why no Docker engine can be used, or None if one answers."""
    scheme, _, address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").partition("://")
    if scheme == "unix" and not Path(address).exists():
        return f"no Docker engine answers: there is no {address}"
    try:
        import docker
        import testcontainers.core.container  # noqa: F401
    except ImportError as error:
        return f"the package {error.name} is not installed"
    try:
        client = docker.from_env(timeout=5)
    except docker.errors.DockerException as error:
        return f"no Docker engine answers: {error}"
    try:
        client.ping()
    except (docker.errors.DockerException, OSError) as error:
        return f"no Docker engine answers: {error}"
    finally:
        client.close()
    return None


class ContainerServer(NatsServer):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._container: Any = None
        self._host = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"nats://{self._host}:{self.port}"

    def start(self) -> None:
        from testcontainers.core.config import testcontainers_config
        from testcontainers.core.container import DockerContainer

        if self._container is None:
            testcontainers_config.ryuk_disabled = True  # `running` below removes the container itself
            self._container = (
                DockerContainer(IMAGE)
                .with_bind_ports(4222, self.port)
                .with_volume_mapping(str(CONFIG.parent), "/etc/dragoman", "ro")
                .with_command(f"-c /etc/dragoman/{CONFIG.name} -sd /data")
            )
            self._container.start()
            self._host = self._container.get_container_host_ip()
        else:
            self._container.get_wrapped_container().start()
        self._wait()

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> None:
        if self._container is not None:
            container = self._container.get_wrapped_container()
            container.kill(signal=sig.name)
            container.wait(timeout=10)

    def pause(self) -> None:
        self._container.get_wrapped_container().pause()

    def go_on(self) -> None:
        self._container.get_wrapped_container().unpause()

    def remove(self) -> None:
        if self._container is not None:
            self._container.stop(force=True, delete_volume=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection((self._host, self.port), 1) as probe:
                probe.settimeout(1)
                if probe.recv(4) == b"INFO":
                    return
        raise TimeoutError(f"the container of {IMAGE} did not answer in {READY_S:.0f} s")


@contextlib.contextmanager
def running(directory: Path) -> Iterator[NatsServer]:
    """Skips the test, with the reason, where there is no engine."""
    problem = engine_problem()
    if problem is not None:
        pytest.skip(f"--nats container: {problem}")
    server = ContainerServer(directory)
    try:
        server.start()
        yield server
    finally:
        server.remove()
