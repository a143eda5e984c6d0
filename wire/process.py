"""How every Dragoman process starts and stops: settings, logs, uvloop, signals, exit codes.

A process is a coroutine `serve(settings, stop)` that works until the event `stop` is set and then ends in good order.
SIGTERM and SIGINT set it; a second one ends the process at once. Exit codes: 0 ended as asked, 1 failed, 2 what it was
given cannot work (a bad flag or setting, a model that is not there), so that starting it again is of no use.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import typing
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn, TypeVar

import msgspec

from wire import env, log, spans
from wire.errors import DragomanError, ModelMissing, SettingsError, each_of

S = TypeVar("S", bound=env.Settings)

Serve = Callable[[S, asyncio.Event], Awaitable[None]]

UNUSABLE = 2
"""Exit code: starting this process again with the same settings is of no use."""


class Parser(argparse.ArgumentParser):
    """Flags are never abbreviated, and a wrong one is one line on stderr and exit code 2."""

    def __init__(self, **options: typing.Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser(kind: type[env.Settings], program: str, description: str) -> argparse.ArgumentParser:
    """A flag for each setting, and `--config`. Values are checked by `wire.env.load`, not here."""
    made = Parser(prog=program, description=description)
    made.add_argument("--config", default="", metavar="FILE", help="TOML file with settings")
    for setting in msgspec.structs.fields(kind):
        flag = "--" + setting.name.replace("_", "-")
        if setting.type is bool:
            made.add_argument(flag, dest=setting.name, action=argparse.BooleanOptionalAction, default=None)
        else:
            shown = setting.default if setting.default is not msgspec.NODEFAULT else setting.default_factory()
            shown = ",".join(shown) if isinstance(shown, list) else shown
            made.add_argument(flag, dest=setting.name, metavar="…", help=f"default: {shown}")
    return made


def settings(kind: type[S], program: str, description: str, argv: Sequence[str] | None) -> S:
    """From flags, variables and file. Ends the process with 2 and a line on stderr where something is wrong."""
    arguments = vars(parser(kind, program, description).parse_args(argv))
    try:
        return env.load(kind, arguments, config=arguments.pop("config"))
    except SettingsError as error:
        print(f"{program}: {error}", file=sys.stderr)
        raise SystemExit(UNUSABLE) from error


def main(kind: type[S], program: str, description: str, serve: Serve[S], argv: Sequence[str] | None = None) -> int:
    """The whole life of a process. Returns its exit code."""
    loaded = settings(kind, program, description, argv)
    log.configure(program, loaded.log_level, loaded.log_format)
    try:
        spans.configure(program, loaded)
    except SettingsError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return UNUSABLE
    try:
        return run(program, serve(loaded, stop := asyncio.Event()), stop)
    finally:
        spans.end()


def run(program: str, work: Awaitable[None], stop: asyncio.Event) -> int:
    """Run `work` on uvloop; SIGTERM and SIGINT set `stop`. A DragomanError becomes a line on stderr and exit code 1,
    or 2 where it is about settings or a missing model."""
    import uvloop

    async def until_signalled() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _asked_to_end, stop, number)
        await work

    code = 0
    try:
        uvloop.run(until_signalled())
    except* DragomanError as errors:
        told = list(each_of(errors))
        code = UNUSABLE if any(isinstance(error, SettingsError | ModelMissing) for error in told) else 1
        for line in dict.fromkeys(str(error) for error in told):
            print(f"{program}: {line}", file=sys.stderr)
    finally:
        log.sum_up()
    return code


def _asked_to_end(stop: asyncio.Event, number: int) -> None:
    if stop.is_set():  # whoever asks twice does not want to wait
        os._exit(128 + number)
    stop.set()
