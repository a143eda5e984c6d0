from __future__ import annotations

import asyncio

from actors.survey import Survey
from tests.waiting import until
from wire import metrics, subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.metrics import Family
from wire.records import AdmissionRecord, LineRecord, Prices, Ticket


def told(survey: Survey, family: Family) -> dict[tuple[str, ...], float]:
    return {reading.labels: reading.value for reading in survey.readings if reading.family is family}


async def look(survey: Survey) -> None:
    survey.readings = await survey.look()


async def test_what_waits_is_told_by_queue_and_pool_and_that_nothing_does(bus: Bus) -> None:
    survey = Survey(bus, lambda: True)
    for subject in ("job.pool.default", "job.pool.default", "job.pool.gpu", "job.node.n1", "job.node.n2"):
        await bus.store(subject, b"x")
    for subject in ("batch.default", "partial.default.s1", "partial.default.s2", "dead.default.s1"):
        await bus.store(subject, b"x")
    await look(survey)
    assert told(survey, metrics.QUEUE_DEPTH) == {
        ("jobs", "default"): 2, ("jobs", "gpu"): 1, ("lanes", ""): 2, ("batch", "default"): 1, ("partials", ""): 2,
        ("dead", ""): 1,
    }  # fmt: skip
    await bus.purge(subjects.JOBS, subjects.JOB_ALL, 100)
    await look(survey)
    depths = told(survey, metrics.QUEUE_DEPTH)
    assert (depths["jobs", "default"], depths["jobs", "gpu"], depths["lanes", ""]) == (0, 0, 0)


async def test_streams_tell_how_full_they_are(bus: Bus) -> None:
    survey = Survey(bus, lambda: True)
    await bus.store("job.pool.default", bytes(100_000))
    await look(survey)
    used, limit = told(survey, metrics.STREAM_BYTES), told(survey, metrics.STREAM_LIMIT_BYTES)
    assert 100_000 < used[subjects.JOBS,] < 110_000
    assert limit[subjects.JOBS,] == 1024 * 1024 * 1024
    assert {(f"KV_{subjects.SESSIONS_KV}",), (f"OBJ_{subjects.UPLOADS}",)} <= used.keys() == limit.keys()


async def test_rooms_of_pools_and_their_lines_are_told(bus: Bus) -> None:
    record = AdmissionRecord(round=1, by="s", capacity=8.0, used=6.5, streams=20.0, prices=Prices(session=0.4))
    await Bucket(bus, subjects.ADMISSION_KV, AdmissionRecord).put("default", record)
    lines = Bucket(bus, subjects.LINES_KV, LineRecord)
    tickets = [Ticket(id=str(number), tenant="t", since=1.0) for number in range(3)]
    await lines.put(subjects.line_key("default", "i1"), LineRecord(ingress="i1", waiting=tickets[:2]))
    await lines.put(subjects.line_key("default", "i2"), LineRecord(ingress="i2", waiting=tickets[2:]))
    survey = Survey(bus, lambda: True)
    await look(survey)
    assert told(survey, metrics.LINE_WAITING) == {("default",): 3}
    assert told(survey, metrics.POOL_SLOTS) == {("default",): 8.0}
    assert told(survey, metrics.POOL_SLOTS_USED) == {("default",): 6.5}
    assert told(survey, metrics.POOL_STREAMS) == {("default",): 20.0}


async def test_whose_turn_it_is_not_says_nothing(bus: Bus) -> None:
    survey = Survey(bus, lambda: bool(survey.readings == []))
    running = asyncio.create_task(survey.run())

    async def looked() -> bool:
        return bool(survey.readings)

    await until(looked)
    running.cancel()
    idle = Survey(bus, lambda: False)
    idle.readings = survey.readings
    running = asyncio.create_task(idle.run())

    async def silent() -> bool:
        return not idle.readings

    await until(silent)
    running.cancel()
