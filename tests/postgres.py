"""A real PostgreSQL for tests: a cluster of its own in a directory of its own, on a free port of 127.0.0.1, gone when
the block ends. PostgreSQL refuses to run as root, so there it runs as the user `postgres`, who comes with the package.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.nats_server import free_port, missing

SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "unix_socket_directories=")
"""Nothing is to survive this host. A killed server forgets what it committed a moment ago, unless whoever commits asks
for more (synchronous_commit)."""


def find() -> Path | None:
    """Where its programs are: Debian has them beside each other by version, and not on the PATH."""
    beside = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    on_path = shutil.which("postgres")
    return beside[0].parent if beside else Path(on_path).parent if on_path else None


class Postgres:
    """One cluster. `kill` and `start` keep its port and what it holds."""

    def __init__(self, directory: Path, programs: Path, user: dict[str, Any]) -> None:
        self.directory = directory
        self.port = free_port()
        self._programs = programs
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        return f"postgresql://dragoman@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        command = ["initdb", "--auth=trust", "--username=dragoman", "--no-sync", "--encoding=UTF8", "--locale=C"]
        subprocess.run(
            [self._programs / command[0], *command[1:], "--pgdata", self.directory],
            check=True, stdout=subprocess.DEVNULL, cwd="/", **self._user,
        )  # fmt: skip

    def start(self) -> None:
        flags = [part for setting in SETTINGS for part in ("-c", setting)]
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self.directory, "-h", "127.0.0.1", "-p", str(self.port), *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self._user,
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5):
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise RuntimeError(f"postgres ended with {self._process.wait(0.05)}")
        raise TimeoutError("PostgreSQL did not come up in 20 s")

    def stop(self, sig: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: at once, in good order. SIGQUIT: at once, as if it had crashed."""
        if self._process is not None:
            self._process.send_signal(sig)
            self._process.wait(20)
            self._process = None

    def kill(self) -> None:
        self.stop(signal.SIGQUIT)


@contextlib.contextmanager
def running() -> Iterator[Postgres]:
    programs = find()
    if programs is None:
        missing("no PostgreSQL: apt-get install postgresql")
    user: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="dragoman-postgres-") as folder:
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        made = Postgres(Path(folder), programs, user)
        made.make()
        made.start()
        try:
            yield made
        finally:
            made.stop()
