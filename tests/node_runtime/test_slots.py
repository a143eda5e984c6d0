from __future__ import annotations

import asyncio

import pytest

from node_runtime import slots as module
from node_runtime.slots import Slots
from tests.node_runtime.conftest import job, reserve, slots
from tests.waiting import until
from wire import subjects
from wire.bus import Bus

MINE, OTHER = job("s", 1, b""), job("t", 1, b"")


async def marked(bus: Bus, index: int) -> str | None:
    found = await slots(bus).get(subjects.slot_key("n1", index))
    return found.job if found else None


async def test_a_slot_is_marked_and_given_up(bus: Bus) -> None:
    mine = Slots(bus, "n1", 2)
    held = await mine.mark(MINE)
    assert held is not None
    assert (await marked(bus, held.index), mine.busy, mine.free) == ("s.1", 1, [1])
    await mine.release(held)
    assert (await marked(bus, held.index), mine.busy, mine.free) == (None, 0, [0, 1])


async def test_no_more_jobs_than_slots(bus: Bus) -> None:
    mine = Slots(bus, "n1", 2)
    found = await asyncio.gather(*(mine.mark(job("s", n, b"")) for n in range(5)))
    assert sorted(held.index for held in found if held is not None) == [0, 1]
    assert mine.adopt(OTHER, 1) is None
    assert mine.adopt(OTHER, 2) is None
    assert mine.adopt(OTHER, -1) is None


async def test_a_slot_that_a_scheduler_reserved_is_left_to_its_job(bus: Bus) -> None:
    mine = Slots(bus, "n1", 1)
    await reserve(bus, OTHER, "n1", 0)
    assert await mine.mark(MINE) is None
    assert mine.free == []  # nobody need ask again at once
    held = mine.adopt(OTHER, 0)
    assert held is not None
    await mine.release(held)
    assert await marked(bus, 0) is None
    assert mine.free == [0]


async def test_a_mark_for_this_very_job_is_used(bus: Bus) -> None:
    """The scheduler that reserved it died before it could publish, and the next one put the job to the pool."""
    mine = Slots(bus, "n1", 1)
    await reserve(bus, MINE, "n1", 0)
    held = await mine.mark(job("s", 1, b"", attempt=2))
    assert held is not None
    await mine.release(held)
    assert await marked(bus, 0) is None


async def test_a_mark_is_held_for_as_long_as_the_job_runs(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MARK_S", 1)
    monkeypatch.setattr(module, "RENEW_S", 0.3)
    mine = Slots(bus, "n1", 2)
    await reserve(bus, OTHER, "n1", 0, seconds=1)
    by_scheduler, by_itself = mine.adopt(OTHER, 0), await mine.mark(MINE)
    assert by_scheduler is not None
    assert by_itself is not None
    async with asyncio.TaskGroup() as group:
        keeping = [group.create_task(mine.keep(held)) for held in (by_scheduler, by_itself)]
        await asyncio.wait(keeping, timeout=2.5)
        assert [await marked(bus, 0), await marked(bus, 1)] == ["t.1", "s.1"]
        assert by_scheduler.revision > 0
        for task in keeping:
            task.cancel()

    async def gone() -> bool:
        return not await slots(bus).items()

    await until(gone)  # as it is when the node dies


async def test_a_mark_that_is_anothers_by_now_is_not_taken_away(bus: Bus) -> None:
    mine = Slots(bus, "n1", 1)
    held = await mine.mark(MINE)
    assert held is not None
    await slots(bus).delete(subjects.slot_key("n1", 0))  # its time was over
    await reserve(bus, OTHER, "n1", 0)
    await mine.release(held)
    assert await marked(bus, 0) == "t.1"
    held = mine.adopt(MINE, 0)
    assert held is not None
    await mine.release(held)  # never renewed, so its revision is not known
    assert await marked(bus, 0) == "t.1"


async def test_what_was_reserved_for_a_job_that_does_not_run_here_is_given_up(bus: Bus) -> None:
    mine = Slots(bus, "n1", 3)
    await reserve(bus, OTHER, "n1", 0)
    await reserve(bus, MINE, "n1", 1)
    await mine.forget(MINE)
    assert [await marked(bus, 0), await marked(bus, 1)] == ["t.1", None]


async def test_a_node_that_starts_has_all_its_slots_and_leaves_others_alone(bus: Bus) -> None:
    await reserve(bus, OTHER, "n1", 0)
    await reserve(bus, MINE, "n2", 0)
    await Slots(bus, "n1", 1).clear()
    assert list(await slots(bus).items()) == [subjects.slot_key("n2", 0)]


async def test_waiting_ends_when_a_slot_is_given_up(bus: Bus) -> None:
    mine = Slots(bus, "n1", 1)
    held = await mine.mark(MINE)
    assert held is not None
    waiting = asyncio.create_task(mine.until_free())
    await asyncio.wait({waiting}, timeout=0.05)
    assert not waiting.done()
    await mine.release(held)
    await asyncio.wait_for(waiting, 1)
