"""`dragoman …` as a child process, for tests."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

from wire import env


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    complaints: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """Standard output as one JSON object a line, and nothing else."""
        made = [json.loads(line) for line in self.out.splitlines()]
        assert all(isinstance(each, dict) and "type" in each for each in made)
        return made

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    @property
    def complaint(self) -> str:
        """The one line on stderr."""
        assert self.complaints.count("\n") == 1, self.complaints
        assert "Traceback" not in self.complaints
        return self.complaints.strip()


def clean() -> dict[str, str]:
    """This environment without settings of Dragoman's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(env.PREFIX)}


async def started(*arguments: str, **variables: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cli",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean() | variables,
    )


async def ended(process: asyncio.subprocess.Process, stdin: bytes = b"", patience: float = 60) -> Ended:
    try:
        async with asyncio.timeout(patience):
            out, complaints = await process.communicate(stdin)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), complaints.decode())


async def dragoman(*arguments: str, stdin: bytes = b"", **variables: str) -> Ended:
    """Run it to its end."""
    return await ended(await started(*arguments, **variables), stdin)
