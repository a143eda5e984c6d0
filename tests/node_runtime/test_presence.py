from __future__ import annotations

import asyncio

from node_runtime import frames
from node_runtime.presence import Presence
from node_runtime.slots import Slots
from tests.node_runtime.conftest import job
from tests.waiting import until
from wire import subjects, topology
from wire.bus import Bus
from wire.env import NodeSettings
from wire.kv import Bucket
from wire.records import NodeRecord

LOADED = frames.Loaded(
    device="cpu", models=["m"], sources=["fr"], targets={"en": ["*"]}, voices={"en": "v"}, tags=["emotion"]
)

SOON_S = topology.HEARTBEAT_S / 4


async def test_the_record_says_what_the_node_is(bus: Bus) -> None:
    slots = Slots(bus, "n1", 3)
    settings = NodeSettings(slots=3, pools=["a", "b"], tags=["studio", "emotion"], dedicated=True)
    presence = Presence(bus, settings, "n1", slots)
    before = presence.record()
    assert (before.ready, before.busy, before.slots, before.pools) == (False, 0, 3, ["a", "b"])
    assert (before.dedicated, before.tags) == (True, ["emotion", "studio"])
    presence.became_ready(LOADED)
    await slots.mark(job("s", 1, b""))
    after = presence.record()
    assert (after.ready, after.busy, after.models, after.targets) == (True, 1, ["m"], {"en": ["*"]})
    assert 0 <= after.foreign_load <= 100
    presence.lost_engines()
    assert not presence.record().ready


def test_a_host_is_shared_unless_it_is_said_to_be_dedicated() -> None:
    assert not NodeSettings().dedicated


async def test_changes_are_told_at_once_and_the_record_goes_when_the_node_leaves(bus: Bus) -> None:
    records = Bucket(bus, subjects.NODES_KV, NodeRecord)
    presence = Presence(bus, NodeSettings(), "n1", Slots(bus, "n1", 1))

    async def told(**fields: bool) -> bool:
        record = await records.get("n1")
        return record is not None and all(getattr(record, name) is value for name, value in fields.items())

    async with asyncio.TaskGroup() as group:
        beating = group.create_task(presence.beat())
        await until(lambda: told(ready=False))
        presence.became_ready(LOADED)
        await until(lambda: told(ready=True), SOON_S)
        presence.stops()
        await until(lambda: told(draining=True), SOON_S)
        presence.lost_engines()
        await until(lambda: told(ready=False, draining=True), SOON_S)
        beating.cancel()
    await presence.leave()
    assert await records.get("n1") is None
