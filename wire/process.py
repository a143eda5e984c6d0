"""How every Dragoman process starts and stops: settings, logs, uvloop, signals, exit codes.

A process is a coroutine `serve(settings, stop)` that works until the event `stop` is set and then ends in good order.
SIGTERM and SIGINT set it. Exit codes: 0 ended as asked, 1 failed, 2 bad settings or flags.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import typing
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from wire import env, log
from wire.errors import DragomanError, SettingsError

S = TypeVar("S", bound=env.Settings)

Serve = Callable[[S, asyncio.Event], Awaitable[None]]


def parser(kind: type[env.Settings], program: str, description: str) -> argparse.ArgumentParser:
    """A flag for each setting, and `--config`. Values are checked by `wire.env.load`, not here."""
    made = argparse.ArgumentParser(prog=program, description=description)
    made.add_argument("--config", default="", metavar="FILE", help="TOML file with settings")
    for name, default in zip(kind.__struct_fields__, kind.__struct_defaults__, strict=True):
        flag = "--" + name.replace("_", "-")
        shown = default.factory() if hasattr(default, "factory") else default  # msgspec wraps list defaults
        if typing.get_type_hints(kind)[name] is bool:
            made.add_argument(flag, dest=name, action=argparse.BooleanOptionalAction, default=None)
        else:
            shown = ",".join(shown) if isinstance(shown, list) else shown
            made.add_argument(flag, dest=name, metavar="…", help=f"default: {shown}")
    return made


def settings(kind: type[S], program: str, description: str, argv: Sequence[str] | None) -> S:
    """From flags, variables and file. Ends the process with 2 and a line on stderr where something is wrong."""
    arguments = vars(parser(kind, program, description).parse_args(argv))
    try:
        return env.load(kind, arguments, config=arguments.pop("config"))
    except SettingsError as error:
        print(f"{program}: {error}", file=sys.stderr)
        raise SystemExit(2) from error


def main(kind: type[S], program: str, description: str, serve: Serve[S], argv: Sequence[str] | None = None) -> int:
    """The whole life of a process. Returns its exit code."""
    loaded = settings(kind, program, description, argv)
    log.configure(program, loaded.log_level, loaded.log_format)
    return run(program, serve(loaded, stop := asyncio.Event()), stop)


def run(program: str, work: Awaitable[None], stop: asyncio.Event) -> int:
    """Run `work` on uvloop; SIGTERM and SIGINT set `stop`. A DragomanError becomes a line on stderr and exit code 1."""
    import uvloop

    async def until_signalled() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await work

    code = 0
    try:
        uvloop.run(until_signalled())
    except* DragomanError as errors:
        code = 1
        for error in errors.exceptions:
            print(f"{program}: {error}", file=sys.stderr)
    return code
