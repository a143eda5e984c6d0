"""Processes of the release before this one beside processes of this one, as they are during an upgrade.

The release is checked out of git; where there is no history (a tarball), these tests skip. docs/upgrading.md says what
is promised here, and in which order processes are upgraded.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import pytest
import pytest_asyncio

from bench import speech
from bench.fleet import Fleet, Shape, running
from bench.speaker import CHUNK_S, Speaker
from tests.waiting import until
from tests.wire.test_previous_schema import PREVIOUS, ROOT
from wire.protocol import SpeechFinished, StartRequest, TranscriptFinal, TranslationFinal

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAID = ("Yes, that is right.", "We will see about it.", "Thank you very much.")
TOLD = (TranscriptFinal, TranslationFinal, SpeechFinished)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the release before this one."""
    folder = tmp_path_factory.mktemp("before")
    packed = subprocess.run(["git", "archive", PREVIOUS], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        pytest.skip(f"there is no {PREVIOUS} in git here: {packed.stderr.decode(errors='replace').strip()}")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(before: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Two of each: the first is of the release before, the second of this one."""
    old = dict.fromkeys(("scheduler-1", "ingress-1", "node-1"), before)
    shape = Shape(schedulers=2, ingresses=2, nodes=2, checkouts=old)
    async with running(shape, tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def sentences() -> list[bytes]:
    return [speech.spoken([said], 0.7) for said in SAID]


async def only(fleet: Fleet, *names: str) -> None:
    """Of schedulers and nodes, those run and no others."""
    wanted = {member.name for member in fleet.of("ingress") + fleet.of("server")} | set(names)
    for name in wanted:
        await fleet[name].start()
    await fleet.until_ready()
    for member in fleet.members.values():
        if member.name not in wanted:
            await member.stop()
    await fleet.until_ready()


def speaker(fleet: Fleet, ingress: str, said: Collection[bytes]) -> Speaker:
    wanted = StartRequest(source="en", targets=["fr"], speech=True)
    return Speaker([fleet.addresses[ingress]], speech.pieces(b"".join(said), CHUNK_S), wanted, random.Random(1))


def outcomes(talking: Speaker, kind: type[TranscriptFinal]) -> list[int]:
    return [event.utterance for _, event in talking.heard.events if isinstance(event, kind)]


def judge(talking: Speaker, sentences: int) -> None:
    heard = talking.heard
    assert heard.closed
    assert not heard.faults
    numbers = list(range(1, sentences + 1))
    assert [outcomes(talking, kind) for kind in TOLD] == [numbers] * 3, heard.events  # type: ignore[arg-type]


async def test_a_session_goes_from_the_old_scheduler_to_the_new_and_back(fleet: Fleet, sentences: list[bytes]) -> None:
    """The new ingress and node speak with the old scheduler; then the new one reads its snapshot and its mail, goes on,
    and leaves one that the old one reads."""
    await only(fleet, "scheduler-1", "node-2")
    talking = speaker(fleet, "ingress-2", [*sentences, sentences[0]])

    def has(count: int) -> asyncio.Task[None]:
        async def look() -> bool:
            return len(outcomes(talking, TranscriptFinal)) >= count

        return group.create_task(until(look))

    async with asyncio.TaskGroup() as group:
        group.create_task(talking.run())
        await has(1)
        await only(fleet, "scheduler-2", "node-2")
        await has(len(outcomes(talking, TranscriptFinal)) + 1)
        await only(fleet, "scheduler-1", "node-2")
    judge(talking, len(SAID) + 1)


async def test_the_old_ingress_works_with_the_new_others(fleet: Fleet, sentences: list[bytes]) -> None:
    await only(fleet, "scheduler-2", "node-2")
    talking = speaker(fleet, "ingress-1", sentences[:1])
    await talking.run()
    judge(talking, 1)


async def test_the_old_node_works_with_the_new_others(fleet: Fleet, sentences: list[bytes]) -> None:
    await only(fleet, "scheduler-2", "node-1")
    talking = speaker(fleet, "ingress-2", sentences[:1])
    await talking.run()
    judge(talking, 1)


def unread(before: Path) -> str:
    """What of today's samples the release before cannot read, by its own code."""
    tool = str(ROOT / "tests" / "schema_samples.py")
    today = subprocess.run([sys.executable, tool], cwd=ROOT, capture_output=True, check=True).stdout
    asked = [sys.executable, tool, "--read"]
    read = subprocess.run(asked, cwd=before, input=today, capture_output=True, check=False)
    return (read.stdout + read.stderr).decode().strip()


async def test_the_release_before_reads_all_that_this_one_writes(before: Path) -> None:
    assert await asyncio.to_thread(unread, before) == ""
