from __future__ import annotations

import pytest

from ingress.admin import dead as module
from ingress.admin.dead import Dead
from tests.ingress.admin.test_door import bury, dead, job
from wire import subjects
from wire.bus import Bus


async def test_what_came_is_read_once_and_what_went_is_noticed(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await bury(bus, dead(1))
    here, there = Dead(bus), Dead(bus)
    await here.refresh()
    second = await bury(bus, dead(2, kept=True), job(2))
    await bus.store(subjects.dead("default", "s9"), b"{}")  # nobody can read it
    await here.refresh()
    assert [each.id for each in here.page(0, 10, {first: ("failed", "why")}).jobs] == [second, first]
    assert [(each.state, each.note) for each in here.page(1, 10, {first: ("failed", "why")}).jobs] == [
        ("failed", "why")
    ]
    await there.refresh()
    found = await there.find(first)
    assert found is not None
    await there.discard(found)
    assert (there.total, here.total) == (1, 2)
    monkeypatch.setattr(module, "ANEW_S", 0)
    await here.refresh()
    assert here.total == 1


async def test_the_newest_are_kept(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    ids = [await bury(bus, dead(number)) for number in range(3)]
    found = Dead(bus)
    await found.refresh()
    assert [each.id for each in found.page(0, 10, {}).jobs] == [ids[2], ids[1]]


async def test_a_job_is_found_with_its_audio_where_it_was_kept(bus: Bus) -> None:
    found = Dead(bus)
    id = await bury(bus, notice := dead(1, kept=True), job(1))
    assert await found.job(notice) == job(1)
    assert await found.job(dead(1)) is None
    assert await found.job(dead(7, kept=True)) is None
    assert await found.find(id + 1) is None
    buried = await found.find(id)
    assert buried is not None
    for _ in range(2):
        await found.discard(buried)
    assert await bus.holds(subjects.DEAD) == 0
