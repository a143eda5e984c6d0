from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.nats_server import free_port
from tests.waiting import until
from wire import metrics
from wire.bus import Bus
from wire.env import SchedulerSettings
from wire.errors import DragomanError
from wire.monitor import Role, monitored, samples
from wire.readings import Reading


class Process:
    """One that has a session, and a reason to get none."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.reason: str | None = None
        self.role = Role("scheduler", metrics.SCHEDULER, self.read, lambda: self.reason)
        self.settings = SchedulerSettings(monitor_port=free_port())
        self.url = f"http://127.0.0.1:{self.settings.monitor_port}"

    def read(self) -> Iterator[Reading]:
        yield Reading(metrics.SESSIONS_HELD, 3)
        yield Reading(metrics.QUEUE_DEPTH, 2, ("jobs", "default"))


@pytest.fixture
async def process(bus: Bus) -> AsyncIterator[Process]:
    made = Process(bus)
    async with monitored(made.settings, made.role, bus):
        yield made


async def get(url: str, accept: str = "") -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as client, client.get(url, headers={"Accept": accept}) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def test_metrics_come_as_text_with_what_is_read_now(process: Process) -> None:
    status, kind, text = await get(process.url + "/metrics")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["dragoman_sessions_held"].samples[0].value == 3
    assert families["dragoman_queue_depth"].samples[0].labels == {"queue": "jobs", "pool": "default"}
    assert families["process_resident_memory_bytes"].samples[0].value > 1e6
    assert "dragoman_dispatch_seconds" in families
    assert "dragoman_stage_seconds" not in families, "a scheduler has no stages"


async def test_who_asks_for_openmetrics_gets_them(process: Process) -> None:
    _, kind, text = await get(process.url + "/metrics", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert kind.startswith("application/openmetrics-text")
    names = {family.name for family in openmetrics.text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    assert {"dragoman_sessions_held", "dragoman_nats_reconnects"} <= names


async def test_health_and_readiness_are_two_things(process: Process) -> None:
    assert (await get(process.url + "/readyz"))[::2] == (200, '{"ready": true}')
    process.reason = "no lease is held"
    assert (await get(process.url + "/readyz"))[::2] == (503, '{"ready": false, "reason": "no lease is held"}')
    assert (await get(process.url + "/healthz"))[::2] == (200, '{"healthy": true}')


async def test_the_lag_of_the_event_loop_is_measured_whether_or_not_somebody_asks(bus: Bus) -> None:
    role = Process(bus).role
    before = samples(role, bus)["dragoman_event_loop_lag_seconds_count"]

    async def measured() -> bool:
        return samples(role, bus)["dragoman_event_loop_lag_seconds_count"] > before

    async with monitored(SchedulerSettings(), role, bus):
        await until(measured, 5)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "event-loop-lag"]


async def test_figures_are_had_by_their_names_and_labels(process: Process) -> None:
    found = samples(process.role, process.bus)
    assert found['dragoman_queue_depth{pool="default",queue="jobs"}'] == 2
    assert found["dragoman_sessions_held"] == 3
    assert found['dragoman_dispatch_seconds_bucket{le="+Inf"}'] >= 0


async def test_a_port_that_is_taken_is_told(process: Process) -> None:
    with pytest.raises(DragomanError, match="free it, or set monitor_port") as told:
        async with monitored(process.settings, process.role, process.bus):
            pass
    assert told.value.code == "port_in_use"
