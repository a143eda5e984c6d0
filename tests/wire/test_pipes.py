from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import pipes

CHILD = """
import os, sys
from wire import pipes
source, sink = pipes.adopted()
print("from Python", flush=True)
os.write(1, b"from C")
while (body := pipes.read(source)) is not None:
    sink.write(pipes.pack(body[::-1]))
    sink.flush()
"""


def start(parent: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_frames_go_both_ways_and_what_a_library_prints_does_not() -> None:
    with start(os.getpid()) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(pipes.pack(b"one"))
        child.stdin.flush()
        assert pipes.read(child.stdout) == b"eno"
        for number in (signal.SIGINT, signal.SIGTERM):
            child.send_signal(number)
        out, err = child.communicate(pipes.pack(b"two") + pipes.pack(b""), timeout=10)
        assert out == pipes.pack(b"owt") + pipes.pack(b"")
        assert err == b"from Python\nfrom C"
        assert child.returncode == 0


def test_a_child_whose_parent_died_before_ends_at_once() -> None:
    with start(1) as child:
        assert child.communicate(timeout=10) == (b"", b"")
        assert child.returncode == 0


def test_a_child_ends_with_its_parent() -> None:
    """Its pipe stays open: somebody else holds the other end."""
    reading, writing = os.pipe()
    code = f"import os, subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {CHILD!r}, str(os.getpid())],"
    code += " stdout=subprocess.PIPE, stderr=subprocess.PIPE); child.stderr.read(1); print(child.pid, flush=True);"
    code += " child.wait()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=reading, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    child.wait(10)
    os.close(reading)
    os.close(writing)


async def received(data: bytes, most: int = 100) -> list[bytes]:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    found = []
    while (body := await pipes.receive(reader, most)) is not None:
        found.append(body)
    return found


async def test_frames_are_received_until_the_pipe_ends() -> None:
    whole = pipes.pack(b"a") + pipes.pack(b"") + pipes.pack(b"bc")
    assert await received(whole) == [b"a", b"", b"bc"]
    assert await received(whole[:-1]) == [b"a", b""]
    with pytest.raises(ValueError, match="a frame of 101 bytes"):
        await received(pipes.pack(b"a" * 101))


@given(st.binary(max_size=40))
def test_whatever_comes_is_read_to_its_end(data: bytes) -> None:
    source, found = io.BytesIO(data), b""
    while (body := pipes.read(source)) is not None:
        found += pipes.pack(body)
    assert data.startswith(found)


@pytest.mark.parametrize(("code", "told"), [(3, "exit code 3"), (-11, "SIGSEGV"), (-99, "signal 99")])
def test_how_a_process_ended_is_told(code: int, told: str) -> None:
    assert pipes.obituary(code) == told
