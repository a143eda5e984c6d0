from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable

import pytest

from wire import env, process
from wire.errors import DragomanError, ModelMissing, NoNode

SERVER = """
import asyncio, sys
from wire import env, process

async def serve(settings, stop):
    print("serving", settings.nats_url, flush=True)
    await stop.wait()
    if "--stubborn" in ORIGINAL:
        print("ending", flush=True)
        await asyncio.Event().wait()
    print("ended", flush=True)

ORIGINAL = sys.argv[1:]
sys.exit(process.main(env.Settings, "toy", "A toy.", serve, [a for a in ORIGINAL if a != "--stubborn"]))
"""


def start(*flags: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(env.PREFIX)}
    return subprocess.Popen(
        [sys.executable, "-c", SERVER, *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=kept,
    )


def said(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(number: signal.Signals) -> None:
    with start("--nats-url", "nats://there") as running:
        assert said(running) == "serving nats://there"
        running.send_signal(number)
        assert said(running) == "ended"
        assert running.wait(10) == 0


def test_a_second_signal_ends_it_at_once() -> None:
    with start("--stubborn") as running:
        said(running)
        running.send_signal(signal.SIGINT)
        assert said(running) == "ending"
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 128 + signal.SIGINT


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--nats-rul", "x"], "toy: unrecognized arguments: --nats-rul x (see toy --help)"),
        (["--nats", "x"], "toy: unrecognized arguments: --nats x (see toy --help)"),
        (["--nats-url"], "toy: argument --nats-url: expected one argument (see toy --help)"),
        (["--log-level", "loud"], "toy: --log-level = 'loud': Expected one of debug, info, warning, error"),
        (["--config", "/nowhere.toml"], "toy: the settings file /nowhere.toml cannot be read: "),
    ],
)
def test_unusable_flags_are_one_line_and_exit_code_2(flags: list[str], line: str) -> None:
    with start(*flags) as running:
        _, complaint = running.communicate(timeout=20)
    assert running.returncode == 2
    assert complaint.startswith(line)
    assert complaint.count("\n") == 1


def test_help_shows_each_setting_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        process.settings(env.NodeSettings, "node", "A node.", ["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all("--" + name.replace("_", "-") in text for name in env.NodeSettings.__struct_fields__)
    assert "default: en_US-joe-medium" in text


async def failing(*errors: DragomanError) -> None:
    async def fail(error: DragomanError) -> None:
        raise error

    async with asyncio.TaskGroup() as outer:

        async def inner() -> None:
            async with asyncio.TaskGroup() as group:
                for error in errors:
                    group.create_task(fail(error))

        outer.create_task(inner())


async def plainly(error: DragomanError) -> None:
    raise error


@pytest.mark.parametrize(
    ("work", "code", "told"),
    [
        (lambda: plainly(NoNode("none")), 1, "toy: none\n"),
        (lambda: failing(NoNode("none"), NoNode("none")), 1, "toy: none\n"),
        (lambda: failing(ModelMissing("no base"), NoNode("none")), 2, "toy: no base\ntoy: none\n"),
    ],
)
def test_a_known_error_is_a_line_however_deep_it_was(
    work: object, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(work)
    started: Awaitable[None] = work()
    assert process.run("toy", started, asyncio.Event()) == code
    assert capsys.readouterr().err == told
