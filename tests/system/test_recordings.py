"""A recording on a fleet of real processes: who dies meanwhile makes no difference to what comes out."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio

from bench import faults, speech
from bench.fleet import Fleet, Member, Shape, running
from bench.recordings import as_wav, forgotten, lengthened
from tests.ingress.recordings.caller import Jobs, jobs_at, unpacked
from tests.waiting import until
from wire import subjects
from wire.kv import Bucket
from wire.records import RecordingRecord

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS = 80.0
SHAPE = Shape(schedulers=1, ingresses=2, nodes=2, settings={"node": {"scripted_rtf": "0.12", "slots": "1"}})
WANTED = {"targets": "en,es", "speech": "es", "source": "fr"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    async with running(SHAPE, tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def recording() -> bytes:
    return as_wav(lengthened(speech.spoken(pause_s=0.3), SECONDS))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(fleet: Fleet, recording: bytes) -> bytes:
    """The result where nothing happens."""
    async with jobs_at(fleet.addresses["ingress-1"]) as jobs:
        id = await jobs.new(recording, **WANTED)
        await jobs.until(id, "done", 90)
        return await jobs.result(id)


async def worked_on(fleet: Fleet, jobs: Jobs, id: str) -> Member:
    """The ingress that has it, once something was heard."""

    async def heard() -> bool:
        return float((await jobs.show(id))["progress"]["heard"]) > 10

    await until(heard, 60)
    record = await Bucket(fleet.bus, subjects.RECORDINGS_KV, RecordingRecord).get(id)
    assert record is not None
    (pid,) = re.findall(r"-(\d+)-[0-9a-f]+$", record.owner)
    return next(each for each in fleet.of("ingress") if each.pid == int(pid))


def other_than(fleet: Fleet, member: Member) -> str:
    """The address of the other ingress."""
    return next(fleet.addresses[each.name] for each in fleet.of("ingress") if each is not member)


async def test_all_of_it_is_there(undisturbed: bytes) -> None:
    files = unpacked(undisturbed)
    transcript = json.loads(files["transcript.json"])
    assert transcript["duration"] == SECONDS
    said = transcript["utterances"]
    assert len(said) >= 3
    assert all(
        set(each["translations"]) == {"en", "es"} and each["speech"]["es"] and not each["errors"] for each in said
    )
    assert [each["utterance"] for each in said] == list(range(1, len(said) + 1))
    assert all(before["end"] <= after["start"] for before, after in pairwise(said))
    for each in said:
        seconds = float(each["text"].removeprefix("I heard ").partition(" ")[0])
        assert seconds == pytest.approx(each["end"] - each["start"], abs=1.0), "what was said elsewhere"
    covered = sum(each["end"] - each["start"] for each in said)
    assert covered > 0.7 * SECONDS
    assert files["es.srt"].count(b"-->") >= len(said)


async def test_once_more_it_comes_from_what_is_remembered(fleet: Fleet, recording: bytes, undisturbed: bytes) -> None:
    async with jobs_at(fleet.addresses["ingress-2"]) as jobs:
        id = await jobs.new(recording, **WANTED)
        await jobs.until(id, "done", 60)
        assert await jobs.result(id) == undisturbed


async def test_a_node_that_dies_in_the_middle(fleet: Fleet, recording: bytes, undisturbed: bytes) -> None:
    await forgotten(fleet)
    async with jobs_at(fleet.addresses["ingress-1"]) as jobs:
        id = await jobs.new(recording, **WANTED)
        await worked_on(fleet, jobs, id)
        async with faults.killed(fleet["node-1"]):
            job = await jobs.until(id, "done", 90)
        assert (job["failures"], job["progress"]["heard"]) == (0, SECONDS)
        assert await jobs.result(id) == undisturbed
    await fleet.until_ready()


async def test_an_ingress_that_dies_in_the_middle(fleet: Fleet, recording: bytes, undisturbed: bytes) -> None:
    await forgotten(fleet)
    async with jobs_at(fleet.addresses["ingress-1"]) as first:
        id = await first.new(recording, **WANTED)
        dying = await worked_on(fleet, first, id)
    async with faults.killed(dying), jobs_at(other_than(fleet, dying)) as jobs:
        assert (await jobs.show(id))["state"] == "running"
        events = await jobs.events(id)
        assert events[-1].data["state"] == "done"
        numbers = [int(each.id) for each in events if each.event == "utterance"]
        assert numbers == sorted(set(numbers))
        assert len(numbers) == len(json.loads(unpacked(undisturbed)["transcript.json"])["utterances"])
        assert await jobs.result(id) == undisturbed
    await fleet.until_ready()


async def test_what_is_cancelled_leaves_the_nodes_at_once(fleet: Fleet, recording: bytes) -> None:
    await forgotten(fleet)
    async with jobs_at(fleet.addresses["ingress-1"]) as jobs:
        id = await jobs.new(recording, **WANTED)
        await worked_on(fleet, jobs, id)
        assert (await jobs.ask("DELETE", f"/{id}")).body["state"] == "cancelled"

        async def idle() -> bool:
            lane = subjects.batch_consumer("default")
            waiting = await fleet.bus.waiting(subjects.BATCH, lane)
            return not waiting and not any(each.busy for each in (await fleet.nodes()).values())

        await until(idle, 30)
