from __future__ import annotations

import asyncio

from tests.ingress import client
from tests.ingress.recordings.caller import Event, Jobs, jobs_at
from tests.ingress.recordings.scribe import Scribe, recording
from tests.nats_server import NatsServer

UTTERANCES = ["1", "2", "4", "5"]  # the third is empty


def ids(events: list[Event]) -> list[str]:
    return [each.id for each in events if each.event == "utterance"]


async def test_a_job_is_told_to_its_end_and_can_be_told_again(jobs: Jobs) -> None:
    id = await jobs.new(targets="en")
    events = await jobs.events(id)
    states = [each.data["state"] for each in events if each.event == "state"]
    assert states[-1] == "done"
    assert states == [state for state in ("waiting", "running", "done") if state in states]
    assert ids(events) == UTTERANCES
    assert {(each.event, bool(each.id)) for each in events} <= {
        ("state", False),
        ("progress", False),
        ("utterance", True),
    }
    assert next(each.data for each in events if each.id == "2") == {
        "utterance": 2, "start": 2.0, "end": 4.0, "language": "fr", "text": "Spoken words2.",
        "translations": {"en": "en 2."}, "errors": [],
    }  # fmt: skip
    heard = [each.data["progress"]["heard"] for each in events if each.event != "utterance"]
    assert heard == sorted(heard)
    assert [each.event for each in await jobs.events(id)] == ["state", *["utterance"] * 4]
    assert ids(await jobs.events(id, Last_Event_ID="2")) == UTTERANCES[2:]
    assert ids(await jobs.events(id, Last_Event_ID="nonsense")) == UTTERANCES


async def test_another_ingress_tells_the_same_while_it_goes_on(server: NatsServer, scribe: Scribe, node: None) -> None:
    scribe.halts = 2
    async with (
        client.ingress(server.url) as one,
        client.ingress(server.url) as other,
        jobs_at(one) as here,
        jobs_at(other) as there,
    ):
        await client.ready(one)
        await client.ready(other)
        id = await here.new(targets="en")
        async with asyncio.TaskGroup() as group:
            told = [group.create_task(jobs.events(id)) for jobs in (here, there)]

            async def halted() -> bool:
                return bool((await there.show(id))["utterances"] == 2)

            await client.eventually(halted)
            scribe.go()
        assert [ids(each.result()) for each in told] == [UTTERANCES, UTTERANCES]


async def test_what_was_cancelled_ends_the_stream(jobs: Jobs, scribe: Scribe) -> None:
    scribe.halts = 1
    id = await jobs.new()
    async with asyncio.TaskGroup() as group:
        told = group.create_task(jobs.events(id))
        await scribe.until(lambda: bool(scribe.sessions))
        await jobs.ask("DELETE", f"/{id}")
    assert told.result()[-1].data["state"] == "cancelled"
    scribe.go()


async def test_a_job_that_waits_is_told_as_it_is(idle: Jobs) -> None:
    id = await idle.new(recording(1))
    answer = await idle.http.get(f"{idle.url}/v1/jobs/{id}/events")
    async with answer:
        assert await answer.content.readline() == b"event: state\n"
