"""What `dragoman translate` shows: bars for people at a terminal, plain lines elsewhere, JSON for programs.

All are a `View`: told what happens to which file, they print.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TextIO

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from cli.recordings import Job
from wire.errors import DragomanError


class View(Protocol):
    def bytes(self, file: Path, stage: str, done: int, total: int | None) -> None:
        """`stage` is reading, uploading or downloading."""

    def job(self, file: Path, job: Job) -> None:
        """How far the server is."""

    def waits(self, file: Path, error: DragomanError, seconds: float) -> None:
        """Something did not work, and is tried again in so many seconds."""

    def saved(self, file: Path, folder: Path, files: Sequence[Path], job: Job) -> None:
        """`files` are in `folder`: this one is done."""

    def cancelled(self, file: Path, there: bool) -> None:
        """It is, or there was nothing to cancel."""

    def failed(self, file: Path, error: DragomanError) -> None: ...

    def left(self, file: Path, job: str) -> None:
        """Nobody watches it any more; `job` goes on at the server, or is empty where the file was not brought."""

    def close(self) -> None:
        """Nothing more comes."""


class JsonLines:
    """One event a line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._stages: dict[Path, str] = {}

    def bytes(self, file: Path, stage: str, done: int, total: int | None) -> None:
        if self._stages.get(file) != stage:  # JSON shows that it began, no progress
            self._stages[file] = stage
            self._print(stage, file)

    def job(self, file: Path, job: Job) -> None:
        self._print("job", file, job=job)

    def waits(self, file: Path, error: DragomanError, seconds: float) -> None:
        self._print("waiting", file, code=error.code, message=str(error), seconds=round(seconds, 3))

    def saved(self, file: Path, folder: Path, files: Sequence[Path], job: Job) -> None:
        self._print("saved", file, job=job, folder=str(folder), files=[each.as_posix() for each in files])

    def cancelled(self, file: Path, there: bool) -> None:
        self._print("cancelled", file, there=there)

    def failed(self, file: Path, error: DragomanError) -> None:
        self._print("error", file, code=error.code, message=str(error), retryable=error.retryable)

    def left(self, file: Path, job: str) -> None:
        self._print("left", file, id=job)

    def close(self) -> None:
        """Lines are there as soon as they are printed."""

    def _print(self, kind: str, file: Path, **fields: object) -> None:
        self._out.write(msgspec.json.encode({"type": kind, "file": str(file), **fields}).decode() + "\n")
        self._out.flush()


class PlainLines:
    """A line for each thing that changes, on `out`; what went wrong on `complaints`."""

    def __init__(self, out: TextIO, complaints: TextIO) -> None:
        self._out = out
        self._complaints = complaints
        self._told: dict[Path, str] = {}

    def bytes(self, file: Path, stage: str, done: int, total: int | None) -> None:
        if stage != "reading":
            self._change(file, stage)

    def job(self, file: Path, job: Job) -> None:
        if not job.over:
            self._change(file, f"{job.state} as {job.id}")

    def waits(self, file: Path, error: DragomanError, seconds: float) -> None:
        self._complain(file, f"{error}: trying again in {seconds:.0f} s")

    def saved(self, file: Path, folder: Path, files: Sequence[Path], job: Job) -> None:
        self._change(file, done(folder, files, job))

    def cancelled(self, file: Path, there: bool) -> None:
        self._change(file, "cancelled" if there else NOTHING)

    def failed(self, file: Path, error: DragomanError) -> None:
        self._complain(file, f"{error} ({error.code})")

    def left(self, file: Path, job: str) -> None:
        self._complain(file, goodbye(job))

    def close(self) -> None:
        """Lines are there as soon as they are printed."""

    def _change(self, file: Path, told: str) -> None:
        if self._told.get(file) != told:
            self._told[file] = told
            self._out.write(f"{file}: {told}\n")
            self._out.flush()

    def _complain(self, file: Path, told: str) -> None:
        self._complaints.write(f"dragoman translate: {file}: {told}\n")
        self._complaints.flush()


class Bars:
    """A bar for each stage of each file that is worked on; a line for each that is done with."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: dict[Path, dict[str, TaskID]] = {}
        self._progress = Progress(
            TextColumn("{task.fields[file]}", style="bold"),
            TextColumn("{task.description}"),
            BarColumn(None),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
            expand=True,
            transient=True,
        )
        self._progress.start()

    def bytes(self, file: Path, stage: str, done: int, total: int | None) -> None:
        self._bar(file, stage, done, total, "" if total is None else f"{total / 1e6:.1f} MB")

    def job(self, file: Path, job: Job) -> None:
        note = job.state if job.state != "running" else left(job.seconds_left)
        for stage, seconds in stages(job):
            self._bar(file, stage, seconds, job.duration, note)
            note = ""

    def waits(self, file: Path, error: DragomanError, seconds: float) -> None:
        self._say(file, f"{error}: trying again in {seconds:.0f} s", "yellow")

    def saved(self, file: Path, folder: Path, files: Sequence[Path], job: Job) -> None:
        self._end(file, done(folder, files, job), "yellow" if job.failures else "green")

    def cancelled(self, file: Path, there: bool) -> None:
        self._end(file, "cancelled" if there else NOTHING, "yellow")

    def failed(self, file: Path, error: DragomanError) -> None:
        self._end(file, f"{error} ({error.code})", "red")

    def left(self, file: Path, job: str) -> None:
        self._end(file, goodbye(job), "yellow")

    def close(self) -> None:
        self._progress.stop()

    def _bar(self, file: Path, stage: str, done: float, total: float | None, note: str) -> None:
        bars = self._bars.setdefault(file, {})
        if stage not in bars:
            for each in [name for name in bars if name in ("reading", "uploading")]:
                self._progress.remove_task(bars.pop(each))
            bars[stage] = self._progress.add_task(stage, total=total, file="" if bars else escape(file.name), note=note)
        self._progress.update(bars[stage], completed=done, total=total, note=note)

    def _end(self, file: Path, told: str, style: str) -> None:
        for task in self._bars.pop(file, {}).values():
            self._progress.remove_task(task)
        self._say(file, told, style)

    def _say(self, file: Path, told: str, style: str) -> None:
        self._console.print(f"[bold]{escape(str(file))}[/bold]: [{style}]{escape(told)}[/{style}]", soft_wrap=True)


NOTHING = "there was nothing to cancel"


def stages(job: Job) -> list[tuple[str, float]]:
    """What the server does, and how many seconds of the recording have been through it."""
    progress = job.progress
    return [
        ("hearing", progress.heard),
        *((f"translating into {target}", seconds) for target, seconds in progress.translated.items()),
        *((f"speaking {target}", seconds) for target, seconds in progress.spoken.items()),
    ]


def left(seconds: float | None) -> str:
    """The time that something still takes."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{math.ceil(seconds)} s left"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min left" if minutes < 90 else f"{minutes / 60:.1f} h left"


def done(folder: Path, files: Sequence[Path], job: Job) -> str:
    missing = f"; {job.failures} utterances or translations failed, see transcript.json" if job.failures else ""
    return f"{len(files)} files in {folder}{missing}"


def goodbye(job: str) -> str:
    if job:
        return f"goes on at the server as {job}: the same command shows it again and fetches the result"
    return "has not been brought to the server"
