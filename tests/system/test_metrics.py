"""Real processes, seen from outside: what they tell Prometheus and probes while people speak, and what they log."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from bench import speech
from bench.fleet import Fleet, Shape, running
from bench.speaker import CHUNK_S, Speaker
from tests.nats_server import free_port
from tests.waiting import until
from tests.wire.test_metrics import ALL
from wire.protocol import StartRequest, TranscriptFinal

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAID = ("Yes, that is right.",)
KINDS = ("scheduler", "ingress", "node")
FEW, MANY = 5, 50
SLOTS = 32
"""Room for all of them, so that nobody has to wait in line."""
MAY_COME = {
    "dragoman_http_requests_total", "dragoman_http_request_seconds", "dragoman_websocket_closes_total",
    "dragoman_sessions_refused_total", "dragoman_node_real_time_factor",
}  # fmt: skip
"""Families that have a series for each end that a connection came to: more of them where the machine is slow. And
real-time factors, one for each stage and model, which come when a node has measured them."""
SPOKEN = re.compile(r"I heard|seconds of sound|\[fr\]", re.IGNORECASE)
"""What the scripted engines hear and say."""

Sample = tuple[str, frozenset[tuple[str, str]]]


@dataclass
class Watched:
    fleet: Fleet
    ports: dict[str, int]
    folder: Path
    spoke: int = 0
    heard: list[str] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)

    async def get(self, kind: str, path: str) -> tuple[int, str]:
        where = f"http://127.0.0.1:{self.ports[kind]}{path}"
        async with aiohttp.ClientSession() as client, client.get(where) as answer:
            return answer.status, await answer.text()

    async def families(self, kind: str) -> list[Metric]:
        _, text = await self.get(kind, "/metrics")
        return list(text_string_to_metric_families(text))

    async def samples(self) -> dict[Sample, float]:
        """Of all processes."""
        return {
            (sample.name, frozenset({**sample.labels, "process": kind}.items())): sample.value
            for kind in KINDS
            for family in await self.families(kind)
            for sample in family.samples
        }

    async def value(self, name: str, **labels: str) -> float:
        """The sum of what has these labels."""
        found = (await self.samples()).items()
        return sum(value for (named, has), value in found if named == name and labels.items() <= dict(has).items())

    async def speak(self, pieces: list[bytes], people: int) -> None:
        wanted = StartRequest(source="en", targets=["fr"], speech=True, captions=True)
        addresses = list(self.fleet.addresses.values())
        speakers = [Speaker(addresses, pieces, wanted, random.Random(number)) for number in range(people)]
        async with asyncio.TaskGroup() as group:
            for speaker in speakers:
                group.create_task(speaker.run())
        self.spoke += people
        self.sessions |= {speaker.heard.session for speaker in speakers}
        self.heard += [e.text for s in speakers for _, e in s.heard.events if isinstance(e, TranscriptFinal)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    ports = {kind: free_port() for kind in KINDS}
    settings: Mapping[str, dict[str, str]] = {
        kind: {"monitor_port": str(port), "log_level": "debug"} for kind, port in ports.items()
    }
    settings["node"] |= {"slots": str(SLOTS), "scripted_rtf": "0.02"}
    folder = tmp_path_factory.mktemp("fleet")
    async with running(Shape(schedulers=1, ingresses=1, nodes=1, settings=settings), folder) as fleet:
        yield Watched(fleet, ports, folder)


@pytest.fixture(scope="module")
def pieces() -> list[bytes]:
    return speech.pieces(speech.spoken(SAID, 1.0), CHUNK_S)


async def test_all_are_healthy_and_ready(watched: Watched) -> None:
    for kind in KINDS:
        assert await watched.get(kind, "/healthz") == (200, '{"healthy": true}')
        assert await watched.get(kind, "/readyz") == (200, '{"ready": true}')


async def test_what_is_told_is_well_formed_and_tells_what_happened(watched: Watched, pieces: list[bytes]) -> None:
    await watched.speak(pieces, FEW)

    async def surveyed() -> bool:
        return await watched.value("dragoman_stream_bytes", stream="MAILBOX") > 0

    await until(surveyed)
    declared = {each.name for each in ALL}
    for kind in KINDS:
        families = await watched.families(kind)
        names = [family.name for family in families]
        assert len(names) == len(set(names))
        for family in families:
            assert family.documentation
            assert family.type in ("counter", "gauge", "histogram")
            told = family.name + ("_total" if family.type == "counter" else "")
            assert told in declared or told.startswith("process_"), told
            assert len({(s.name, *sorted(s.labels.items())) for s in family.samples}) == len(family.samples)
    expected = {
        ("dragoman_build_info",): 3,
        ("dragoman_nats_connected",): 3,
        ("dragoman_partitions_held",): 64,
        ("dragoman_sessions_begun_total", "how", "opened"): watched.spoke,
        ("dragoman_websocket_closes_total", "code", "1000"): watched.spoke,
        ("dragoman_nodes", "state", "ready"): 1,
        ("dragoman_node_slots",): SLOTS,
        ("dragoman_queue_depth", "queue", "dead"): 0,
        ("dragoman_jobs_dead_total",): 0,
    }
    for (name, *label), value in expected.items():
        assert await watched.value(name, **dict([label] if label else [])) == value, name
    some = {
        "dragoman_audio_bytes_total": {}, "dragoman_stream_limit_bytes": {"stream": "JOBS"},
        "dragoman_final_lag_seconds_count": {"what": "transcript"}, "dragoman_event_loop_lag_seconds_count": {},
        "dragoman_job_wait_seconds_count": {"work": "live"}, "dragoman_dispatch_seconds_count": {},
        "dragoman_stage_seconds_count": {"stage": "translate"}, "dragoman_job_seconds_count": {"outcome": "done"},
        "dragoman_first_partial_seconds_count": {}, "dragoman_partials_total": {"outcome": "answered"},
        "dragoman_http_requests_total": {"route": "/v1/stream", "status": "101"},
        "dragoman_node_memory_bytes": {}, "process_open_fds": {}, "process_cpu_seconds_total": {},
    }  # fmt: skip
    for name, labels in some.items():
        assert await watched.value(name, **labels) > 0, name
    for what in ("translation", "speech"):
        assert await watched.value("dragoman_final_lag_seconds_count", what=what) >= watched.spoke


async def test_many_sessions_tell_no_more_series_than_a_few(watched: Watched, pieces: list[bytes]) -> None:
    before = set(await watched.samples())
    await watched.speak(pieces, MANY - FEW)
    assert await watched.value("dragoman_sessions_begun_total", how="opened") == watched.spoke >= MANY
    after = set(await watched.samples())
    new = {name for name, _ in after - before if not name.startswith(tuple(MAY_COME))}
    assert not new
    values = {value for _, labels in after for _, value in labels}
    assert len(values) < 400
    assert not watched.sessions & values


async def test_nobody_reads_in_the_logs_what_was_said(watched: Watched) -> None:
    assert len(watched.heard) >= FEW
    assert all(SPOKEN.search(text) for text in watched.heard)
    for kind in KINDS:
        (log,) = watched.folder.glob(f"{kind}-*.log")
        lines = log.read_text(encoding="utf-8").splitlines()
        assert any('"level": "info"' in line for line in lines), "the log is empty"
        found = [line for line in lines if SPOKEN.search(line)]
        assert not found, found[0]
