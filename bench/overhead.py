"""Dragoman beside what it is made of, in one run: the budgets of one instance of each process, as ratios.

    python -m bench.overhead [--only dispatch,captions,chunks,memory] [--audio FILE]…

Each part starts the processes that it needs on free ports, measures, and ends them. Absolute times are this machine's;
the ratios are what counts. The exit code says nothing about budgets: read the table.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from bench import captions, chunks, dispatch, memory, speech
from bench.rows import HEADINGS, Row

PARTS = ("dispatch", "captions", "chunks", "memory")


async def measure(part: str, files: Sequence[Path]) -> list[Row]:
    match part:
        case "dispatch":
            return await dispatch.measure(dispatch.Load())
        case "chunks":
            return await chunks.measure(chunks.Load())
        case "memory":
            return await memory.measure(memory.Load())
    recordings = {path.name: await speech.recorded(path) for path in files} or await speech.usual()
    return await captions.measure(recordings)


async def run(parts: Sequence[str], files: Sequence[Path]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 140)
    for part in parts:
        console.print(f"[dim]measuring {part} (load of this machine: {os.getloadavg()[0]:.1f}) …[/dim]")
        table = Table(*HEADINGS, title=part, title_justify="left")
        for row in await measure(part, files):
            table.add_row(*row.cells(), style="red" if row.kept is False else None)
        console.print(table)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.overhead", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--audio", action="append", default=[], type=Path, metavar="FILE", help="for captions")
    arguments = parser.parse_args(argv)
    parts = [part for part in arguments.only.split(",") if part]
    if unknown := set(parts) - set(PARTS):
        parser.error(f"--only: there is no {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    uvloop.run(run(parts, arguments.audio))
    return 0


if __name__ == "__main__":
    sys.exit(main())
