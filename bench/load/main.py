"""`dragoman bench`: many clients against a deployment, or against a fleet of its own on this machine.

    dragoman bench streams --count 500 --seconds 60 --nodes 2 --slots 32 --expect-success 1 --html report.html
    dragoman bench herd --count 2000 --url wss://speech.example.org --expect-answered-within 1

Exit codes: 0 all that was expected holds, 1 it does not, 2 unusable arguments. docs/bench.md says what is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console

from bench.load import assembling, chaos, expecting, limits, page, scenes, scripts, text
from bench.load.expecting import Expected
from bench.load.live import View
from bench.load.report import Phase, Report, written
from bench.load.scenes import Asked
from bench.load.stage import Size, Stage, set_up, speaking
from cli import credentials
from wire import process
from wire.errors import SettingsError

KINDS = {
    "streams": "N people who speak at the same time",
    "herd": "N clients that connect at the same moment, and again after the ingress was killed",
    "idle": "N sessions in which nobody says anything",
    "slowloris": "N clients that dribble bytes or never read, beside people who speak",
    "soak": "N people at any time, for minutes",
    "chaos": "N people at any time, while processes are killed, paused and cut off",
}
COUNTS = {"streams": 50, "herd": 2000, "idle": 1000, "slowloris": 1000, "soak": 20, "chaos": 20}


def parser() -> argparse.ArgumentParser:
    found = process.Parser(prog="dragoman bench", description="Test a deployment under load.", allow_abbrev=False)
    kinds = "; ".join(f"{name}: {purpose}" for name, purpose in KINDS.items())
    found.add_argument("kind", choices=KINDS, metavar="KIND", help=kinds)
    add = found.add_argument
    add("--url", action="append", default=[], metavar="URL", help="servers to test; without any, a fleet of its own")
    credentials.add_option(found)
    add("--count", type=int, metavar="N", help="clients at the same time")
    add("--json", type=Path, metavar="FILE", help="the report, for programs")
    add("--html", type=Path, metavar="FILE", help="the report as a page with plots")

    said = found.add_argument_group("what is said")
    said.add_argument("--seconds", type=float, default=60.0, metavar="S", help="how long each speaks (60)")
    said.add_argument("--audio", type=Path, metavar="FILE", help="a recording instead of the packaged voice")
    said.add_argument("--said", default="", metavar="TEXT", help="what is said in it")
    said.add_argument("--pause", type=float, default=1.2, metavar="S", help="between two sentences (1.2)")
    said.add_argument("--source", default="en", metavar="LANGUAGE", help="in which language (en)")
    said.add_argument("--wer", type=float, default=0.2, metavar="SHARE", help="of the words that may be wrong (0.2)")
    said.add_argument("--scripted", action="store_true", help="the nodes at --url have scripted engines")
    said.add_argument("--target", action="append", default=[], metavar="LANGUAGE", help="translate into it")
    said.add_argument("--no-captions", action="store_true", help="ask for no words while they are spoken")

    run = found.add_argument_group("how")
    run.add_argument("--ramp", type=float, default=0.0, metavar="S", help="connect over so long (0: at once)")
    run.add_argument("--lag", type=float, default=2.0, metavar="S", help="a final later than this is late (2)")
    run.add_argument("--line", type=float, default=60.0, metavar="S", help="who waits in line for longer leaves (60)")
    run.add_argument("--answer", type=float, default=30.0, metavar="S", help="without any answer one gives up (30)")
    run.add_argument("--hold", type=float, default=10.0, metavar="S", help="herd, idle: stay for so long (10)")
    run.add_argument("--real", type=int, default=50, metavar="N", help="slowloris: how many speak (50)")
    run.add_argument("--minutes", type=float, default=10.0, metavar="M", help="soak, chaos: how long (10)")
    run.add_argument("--seed", type=int, default=1, help="chaos: what happens to whom (1)")

    own = found.add_argument_group("a fleet of its own")
    for name, usual in (("nodes", 1), ("slots", 8), ("schedulers", 1), ("ingresses", 1)):
        own.add_argument(f"--{name}", type=int, default=usual, metavar="N", help=f"({usual})")
    own.add_argument("--rtf", type=float, default=0.1, help="of its scripted engines (0.1)")
    own.add_argument("--set", action="append", default=[], metavar="KIND.NAME=VALUE", help="ingress.max_sessions=2000")
    own.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the logs of its processes")

    asks = found.add_argument_group("what must hold")
    asks.add_argument(
        "--expect-success", type=float, metavar="SHARE", help="of those that were let in, or never answered"
    )
    asks.add_argument(
        "--expect-answered-within", type=float, metavar="S", help="let in, in line or refused: all know it"
    )
    asks.add_argument("--expect-admitted", type=int, metavar="N", help="so many were let in")
    asks.add_argument("--expect-lag-p99", type=float, metavar="S", help="from the end of a voice to its final")
    asks.add_argument("--expect-memory", type=float, metavar="MB", help="ingress and scheduler together, at their peak")
    asks.add_argument(
        "--expect-effect", type=float, metavar="TIMES", help="slowloris: by how much the lag's p99 may grow"
    )
    return found


def main(argv: Sequence[str] | None = None) -> int:
    given = parser().parse_args(argv)
    return uvloop.run(run(given, list(sys.argv[1:] if argv is None else argv)))


async def run(given: argparse.Namespace, argv: Sequence[str]) -> int:
    """Raises SettingsError for what cannot be asked, DragomanError where nothing could be measured."""
    asked = wanted(given)
    limits.check_files(asked.count)
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    load_before, began = os.getloadavg()[0], time.monotonic()
    size = Size(given.nodes, given.slots, given.rtf, given.schedulers, given.ingresses, settings(given.set))
    if asked.kind == "chaos":
        stage, phase, broken = await chaos.rage(asked, given.seed, given.logs, console)
        report = reported(stage, asked, [phase])
        report.fleet, report.broken = chaos.FLEET, broken
    else:
        async with set_up(given.url, credentials.chosen(given.key), size, given.logs) as stage:
            report = reported(stage, asked, await _play(stage, asked, given, console))
        report.fleet = ", ".join(given.url) or str(size)
    report.command = "dragoman bench " + shlex.join(without_key(argv))
    report.machine = assembling.machine(load_before)
    report.seconds = round(time.monotonic() - began, 1)
    report.expectations = expecting.judged(expected(given), report.phases, report.processes)
    for file, content in ((given.json, written), (given.html, page.written)):
        if file is not None:
            file.write_bytes(content(report))
    console.print(text.written(report), markup=False, soft_wrap=True)
    return 0 if report.held else 1


async def _play(stage: Stage, asked: Asked, given: argparse.Namespace, console: Console) -> list[Phase]:
    """The scene, watched."""
    scene, phases = scenes.SCENES[asked.kind], list[Phase]()
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(each) for each in (stage.watch.run(), View(stage, console).run())]
        if asked.kind in ("herd", "idle"):
            phases = await scene(stage, asked)
        else:
            async with speaking(stage, *await _speech(given)):
                phases = await scene(stage, asked)
        for task in beside:
            task.cancel()
    return phases


async def _speech(given: argparse.Namespace) -> tuple[scripts.Speech, float, float | None]:
    """What is said, for how long, and how wrong it may be heard: None for scripted engines."""
    scripted = given.scripted or not given.url
    if given.audio is not None and not (given.said or scripted):
        raise SettingsError("--audio: what is said in it? Give --said TEXT, or success cannot be told")
    if given.audio:
        spoken = await scripts.recorded(given.audio, given.said, given.pause)
    else:
        spoken = await asyncio.to_thread(scripts.made, given.pause)
    return spoken, given.seconds, None if scripted else given.wer


def wanted(given: argparse.Namespace) -> Asked:
    """Raises SettingsError."""
    asked = Asked(
        kind=given.kind, count=COUNTS[given.kind] if given.count is None else given.count, seconds=given.seconds,
        ramp_s=given.ramp, lag_s=given.lag, line_s=given.line, answer_s=given.answer, hold_s=given.hold,
        minutes=given.minutes, real=given.real, targets=tuple(given.target), captions=not given.no_captions,
        source=given.source,
    )  # fmt: skip
    if given.kind == "chaos" and given.url:
        raise SettingsError("chaos kills processes: it runs against a fleet of its own alone")
    scenes.check(asked)
    return asked


def settings(given: Sequence[str]) -> dict[str, dict[str, str]]:
    """Of `--set KIND.NAME=VALUE`. Raises SettingsError."""
    found: dict[str, dict[str, str]] = {}
    for each in given:
        name, equals, value = each.partition("=")
        kind, dot, setting = name.partition(".")
        if not (equals and dot and setting and kind in ("scheduler", "ingress", "node")):
            raise SettingsError(f"--set {each}: give KIND.NAME=VALUE; kinds are scheduler, ingress and node")
        found.setdefault(kind, {})[setting] = value
    return found


def expected(given: argparse.Namespace) -> Expected:
    return Expected(
        given.expect_success, given.expect_answered_within, given.expect_admitted, given.expect_lag_p99,
        given.expect_memory, given.expect_effect,
    )  # fmt: skip


def reported(stage: Stage, asked: Asked, phases: list[Phase]) -> Report:
    """What is known when it is over."""
    told = {name: str(value) for name, value in vars(asked).items() if name != "kind"}
    return Report(
        kind=asked.kind, date=assembling.today(), version=assembling.version(), commit=assembling.commit(),
        settings=told, phases=phases, processes=stage.watch.processes(), busy=stage.watch.busy, notes=stage.notes,
        series=assembling.series(stage.gangs, stage.watch.began, len(stage.watch.busy)),
        generator=assembling.generator(stage.gangs),
    )  # fmt: skip


def without_key(argv: Sequence[str]) -> list[str]:
    """A report goes to others."""
    found = list(argv)
    for place, word in enumerate(found):
        if word == "--key" and place + 1 < len(found):
            found[place + 1] = "…"
        elif word.startswith("--key="):
            found[place] = "--key=…"
    return found


if __name__ == "__main__":
    sys.exit(main())
