"""The whole of Dragoman as a user starts it, `dragoman up`, with hands on its processes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.cli.command import clean
from tests.nats_server import free_port
from tests.waiting import until_now

MODULES = {"scheduler": "actors", "ingress": "ingress", "node": "node_runtime", "engines": "node_runtime.child"}


class Stack:
    """A running `dragoman up`. `log` is what it has printed."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, port: int) -> None:
        self.process = process
        self.log = log
        self.http = f"http://127.0.0.1:{port}"
        self.ws = f"ws://127.0.0.1:{port}"

    def pid(self, name: str) -> int:
        """Of one of its processes: nats, scheduler, ingress, node, or engines (the node's child)."""
        return int(self._find(name).pid)

    def kill(self, name: str, sig: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid(name), sig)

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.http}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def until_ready(self, patience: float = 90) -> None:
        try:
            until_now(lambda: self.process.poll() is not None or self.ready(), patience)
        except TimeoutError as error:
            raise AssertionError(self.log.read_text()) from error
        assert self.process.poll() is None, self.log.read_text()

    def _find(self, name: str) -> psutil.Process:
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                words = child.cmdline()
                if name == "nats" and words and words[0].endswith("nats-server"):
                    return child
                if name in MODULES and "-m" in words and words[words.index("-m") + 1] == MODULES[name]:
                    return child
        raise AssertionError(f"there is no {name} process")


@contextlib.contextmanager
def up(directory: Path, **variables: str) -> Iterator[Stack]:
    """`dragoman up` on a free port with its data in `directory`; ready when the block begins, gone when it ends."""
    port = free_port()
    log = directory / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "up", "--port", str(port), "--data-dir", str(directory / "data")],
            stdout=output,
            stderr=output,
            env=clean() | variables,
        )
    stack = Stack(process, log, port)
    try:
        stack.until_ready()
        yield stack
    finally:
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGINT)
        try:
            process.wait(8)
        finally:
            left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
            for each in (*left, process):
                with contextlib.suppress(psutil.Error, ProcessLookupError):
                    each.kill()
        assert not left, f"processes were left behind: {left}"


def words(text: str) -> str:
    """Text as word error rates count it: lower case, no punctuation, one space."""
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s']", " ", text.lower().replace("\u2019", "'"))).strip()
