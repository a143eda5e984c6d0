"""Real children, as small as can be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from cli import supervisor
from cli.supervisor import ChildFailed, Pauses, Program, ended_how, supervising


class Paper:
    """Lines as they are printed, and a way to wait for one."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._more = asyncio.Event()

    def line(self, name: str, text: str) -> None:
        self.lines.append((name, text))
        self._more.set()

    def of(self, name: str) -> list[str]:
        return [text for each, text in self.lines if each == name]

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not met():
                self._more.clear()
                await self._more.wait()

    async def said(self, text: str, times: int = 1) -> None:
        await self.until(lambda: sum(text in line for _, line in self.lines) >= times)


def program(name: str, code: str, last: bool = False, hushed: str = "") -> Program:
    return Program(name, (sys.executable, "-c", code), last=last, hushed=hushed)


FOREVER = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"


@pytest.fixture
def paper() -> Paper:
    return Paper()


@contextlib.asynccontextmanager
async def timed(limit: float) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    yield
    assert loop.time() - begun < limit


async def gone(pid: int) -> None:
    """Wait until a process that is not ours to wait for has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        await asyncio.to_thread(psutil.Process(pid).wait, 10)


def test_pauses_double_and_fall_back_after_a_stable_while() -> None:
    pauses = Pauses()
    assert [pauses.after(1.0) for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert pauses.after(supervisor.STABLE_S) == 0.5
    assert pauses.quick_ends == 1


def test_an_exit_code_is_put_into_words() -> None:
    assert ended_how(3) == "ended with exit code 3"
    assert ended_how(-9) == "was ended by SIGKILL"
    assert ended_how(-99) == "was ended by signal 99"


async def test_lines_of_both_streams_are_printed_behind_the_name(paper: Paper) -> None:
    code = (
        r"import os, signal; os.write(1, b'one\ntw');"
        r"os.write(2, b'o\n\nbar 1%\rbar 9%\n\xff tail'); signal.pause()"
    )
    async with supervising(paper) as children:
        children.start(program("a", code))
        await paper.said("bar 9%")
    assert paper.of("a") == ["one", "two", "bar 9%", "\ufffd tail"]


async def test_hushed_lines_are_not_printed_and_very_long_ones_are_cut(paper: Paper) -> None:
    code = "print('[INF] hush'); print('x' * 200_000); print('loud', flush=True); import signal; signal.pause()"
    async with supervising(paper) as children:
        children.start(program("a", code, hushed="[INF]"))
        await paper.said("loud")
    assert "".join(paper.of("a")[:-1]) == "x" * 200_000
    assert len(paper.of("a")) > 2


async def test_a_child_that_dies_is_started_again_and_that_is_said(paper: Paper) -> None:
    async with supervising(paper) as children:
        children.start(program("a", FOREVER))
        await paper.said("up")
        first = children.pids()["a"]
        os.kill(first, signal.SIGKILL)
        await paper.said("up", times=2)
        assert children.pids()["a"] != first
    assert paper.of("a") == ["up", "was ended by SIGKILL: starting it again in 0.5 s", "up"]


async def test_all_end_in_order_and_leave_nothing(paper: Paper) -> None:
    farewell = (
        "import signal, sys; signal.signal(15, lambda *_: (print('bye', flush=True), sys.exit()));"
        "print('up', flush=True); signal.pause()"
    )
    async with timed(5), supervising(paper) as children:
        children.start(program("server", farewell, last=True))
        children.start(program("a", farewell))
        children.start(program("b", farewell))
        await paper.said("up", times=3)
        pids = children.pids().values()
    assert [name for name, text in paper.lines if text == "bye"][-1] == "server"
    assert sum(text == "bye" for _, text in paper.lines) == 3
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_a_child_that_will_not_end_is_killed(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.supervisor.GRACE_S", 0.5)
    monkeypatch.setattr("cli.supervisor.LAST_GRACE_S", 0.3)
    async with supervising(paper) as children:
        children.start(program("a", STUBBORN))
        children.start(program("server", STUBBORN, last=True))
        await paper.said("up", times=2)
        pids = children.pids().values()
        ending = timed(2)
        await ending.__aenter__()
    await ending.__aexit__(None, None, None)
    assert "did not end in 0.5 s: killed" in paper.of("a")
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_kill_ends_all_at_once(paper: Paper) -> None:
    async with supervising(paper) as children:
        children.start(program("a", STUBBORN))
        await paper.said("up")
        ending = timed(2)
        await ending.__aenter__()
        children.kill()
    await ending.__aexit__(None, None, None)


async def test_what_a_child_started_ends_with_it(paper: Paper) -> None:
    """Also where the grandchild holds the child's output open."""
    code = (
        "import subprocess, sys, signal\n"
        f"child = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}])\n"
        "print('grandchild', child.pid, flush=True); signal.pause()"
    )
    async with supervising(paper) as children:
        children.start(program("a", code))
        await paper.until(lambda: {text.split()[0] for text in paper.of("a")} >= {"up", "grandchild"})
        grandchild = int(next(text for text in paper.of("a") if text.startswith("grandchild")).split()[1])
        os.kill(children.pids()["a"], signal.SIGKILL)
        await paper.said("starting it again")
        await gone(grandchild)
    assert not psutil.pid_exists(grandchild)


async def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import asyncio, sys
from cli.supervisor import Program, supervising

class Paper:
    def line(self, name, text):
        print(text, flush=True)

async def main():
    async with supervising(Paper()) as children:
        children.start(Program("a", (sys.executable, "-c", {STUBBORN!r})))
        while not children.pids():
            await asyncio.sleep(0.01)
        print("pid", children.pids()["a"], flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    async with asyncio.timeout(20):
        lines = [await parent.stdout.readline(), await parent.stdout.readline()]
    child = int(next(line for line in lines if line.startswith(b"pid")).split()[1])
    assert psutil.pid_exists(child)
    parent.kill()
    await parent.wait()
    await gone(child)
    assert not psutil.pid_exists(child)


# --- start-up that fails --------------------------------------------------------------------------------------------


async def test_exit_code_2_stops_the_start_up_with_the_childs_last_words(paper: Paper) -> None:
    async with supervising(paper) as children:
        children.start(program("node", "import sys; print('no model base', file=sys.stderr); sys.exit(2)"))
        async with asyncio.timeout(20):
            with pytest.raises(ChildFailed, match="node ended with exit code 2 and would do so again: no model base"):
                await children.failure()


async def test_too_many_quick_ends_stop_the_start_up(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.001)
    async with supervising(paper) as children:
        children.start(program("a", "import sys; sys.exit(1)"))
        async with asyncio.timeout(20):
            with pytest.raises(ChildFailed, match="a ended with exit code 1 and would do so again: it said nothing"):
                await children.failure()
    assert sum("starting it again" in text for text in paper.of("a")) == supervisor.QUICK_ENDS - 1


async def test_once_settled_every_end_is_only_a_pause(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.001)
    async with supervising(paper) as children:
        children.settled = True
        children.start(program("a", "import sys; sys.exit(2)"))
        await paper.said("starting it again", times=supervisor.QUICK_ENDS + 1)


async def test_a_program_that_is_not_there_is_named(paper: Paper) -> None:
    async with supervising(paper) as children:
        children.start(Program("a", ("/nowhere/at-all",)))
        async with asyncio.timeout(20):
            with pytest.raises(ChildFailed, match=r"a cannot be started: .*/nowhere/at-all"):
                await children.failure()
