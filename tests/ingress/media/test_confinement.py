"""Each in a process of its own: what it gives up is gone."""

from __future__ import annotations

import signal
import subprocess
import sys

BEGIN = """
import os, socket
from ingress.media.confinement import MIB, confine
kept = open("/dev/zero", "rb")
confine(cpu_s=1, memory_mb=64)
def fails(what, kind):
    try:
        what()
    except kind as error:
        return True
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, text=True, timeout=20, check=False)


def test_no_file_no_socket_and_little_memory_is_left() -> None:
    done = run(
        """
assert kept.read(4) == bytes(4)
assert fails(lambda: open("/etc/hostname"), OSError)
assert fails(lambda: open("/tmp/never", "w"), OSError)
assert fails(lambda: socket.socket(), OSError)
assert fails(lambda: os.pipe(), OSError)
assert fails(lambda: bytearray(96 * MIB), MemoryError)
assert os.nice(0) >= 5
print(len(bytearray(16 * MIB)))
"""
    )
    assert (done.returncode, done.stdout) == (0, f"{16 * 1024 * 1024}\n"), done.stderr


def test_cpu_time_runs_out() -> None:
    assert run("while True: pass").returncode == -signal.SIGXCPU
