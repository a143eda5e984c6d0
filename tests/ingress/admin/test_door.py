"""What operators see and do, at a real ingress."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from ingress.admin import board
from ingress.app import STATIC
from tests.ingress import client, stand_in
from tests.ingress.access.doors import ask, bearer, given, revoke
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.jobs import Job
from wire.kv import Bucket
from wire.messages import SessionTerminated
from wire.protocol import TranscriptFinal
from wire.records import DeadJob, DrainRecord

ADMIN = "/v1/admin/"


@pytest.fixture
async def key(bus: Bus) -> str:
    return await given(bus, "ops", admin=True)


@pytest.fixture
async def other(bus: Bus) -> str:
    return await given(bus, "acme")


def dead(utterance: int = 1, **fields: Any) -> DeadJob:
    about = {"job": f"s1.{utterance}", "session": "s1", "utterance": utterance, "pool": "default", "attempts": 4}
    return DeadJob(**{**about, "node": "n1", "reason": "crashed", "seconds": 2.0, "tenant": "acme", **fields})


def job(utterance: int = 1, **fields: Any) -> Job:
    about = {"job": f"s1.{utterance}", "session": "s1", "utterance": utterance, "attempt": 4, "pool": "default"}
    return Job(**{**about, "source": "fr", "pcm": bytes(64_000), "start": 3.0, "tenant": "acme", **fields})


async def bury(bus: Bus, notice: DeadJob, kept: Job | None = None) -> int:
    if kept is not None:
        await bus.store(subjects.dead_job(notice.pool, notice.session, notice.utterance), kept)
    return (await bus.store(subjects.dead(notice.pool, notice.session), notice)).sequence


ROUTES = (
    ("GET", "state"), ("GET", "events"), ("GET", "sessions"), ("DELETE", "sessions/s1"), ("POST", "nodes/n1/drain"),
    ("DELETE", "nodes/n1/drain"), ("GET", "dead"), ("POST", "dead/1/requeue"), ("DELETE", "dead/1"),
)  # fmt: skip


async def test_it_is_for_operators_alone(server: NatsServer, bus: Bus, key: str, other: str) -> None:
    await bury(bus, dead())
    async with client.ingress(server.url) as url:
        token = (await ask(url + "/v1/tokens", "POST", key=key))[1]["token"]
        for method, path in ROUTES:
            status, told, _ = await ask(url + ADMIN + path, method)
            assert (status, told["error"]["code"]) == (401, "missing_api_key"), path
            for shown in (other, token):
                status, told, _ = await ask(url + ADMIN + path, method, key=shown)
                assert (status, told["error"]["code"]) == (403, "forbidden"), path
                assert "admin key" in told["error"]["message"]
        assert (await ask(url + "/dashboard"))[0] == 200, "the page itself has no figures"
    assert await Bucket(bus, subjects.DRAINS_KV, DrainRecord).items() == {}
    assert await bus.holds(subjects.DEAD) == 1


async def test_the_state_has_the_fleet_in_it_and_no_words(url: str, actor: stand_in.Actor) -> None:
    async with client.connected(url) as speaker:
        started = await speaker.start(source="fr", targets=["en"])
        await actor.tell(started["session"], TranscriptFinal(utterance=1, text="secret", language="fr", start=0, end=1))

        async def there() -> bool:
            return bool((await ask(url + ADMIN + "state"))[1]["sessions"]["open"])

        await until(there)
        status, state, headers = await ask(url + ADMIN + "state")
        assert (status, headers["cache-control"]) == (200, "no-store")
        (node,) = state["nodes"]
        assert (node["node"], node["slots"], node["ready"], node["drained"]) == ("n1", 1, True, False)
        (pool,) = state["pools"]
        assert (pool["pool"], pool["nodes"], pool["slots"]) == ("default", 1, 1)
        assert [each["role"] for each in state["processes"]] == ["ingress"]
        assert state["processes"][0]["memory_mb"] > 10
        _, page, _ = await ask(url + ADMIN + "sessions?search=FR%20acme")
        assert page["total"] == 0
        _, page, _ = await ask(url + ADMIN + "sessions?search=fr%20default")
        (session,) = page["sessions"]
        assert (session["session"], session["targets"]) == (started["session"], ["en"])
        assert "secret" not in json.dumps([state, page])
        assert "token" not in json.dumps([state, page])


async def test_all_who_watch_are_told_the_same_each_second(url: str) -> None:
    async def told(events: int) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        async with aiohttp.ClientSession() as http, http.get(url + ADMIN + "events") as answer:
            assert answer.content_type == "text/event-stream"
            while len(found) < events:
                kind = (await answer.content.readline()).decode().strip()
                data = (await answer.content.readline()).decode().strip()
                await answer.content.readline()
                found.append((kind, data))
        return found

    one, two = await asyncio.gather(told(4), told(4))
    assert [kind for kind, _ in one] == ["event: history", *["event: state"] * 3]
    assert len(set(one) & set(two)) >= 3, "made once for both"
    stamps = [json.loads(data.removeprefix("data: "))["at"] for _, data in one[1:]]
    assert 0.5 < stamps[1] - stamps[0] < 3
    late = await told(1)
    assert len(json.loads(late[0][1].removeprefix("data: "))["at"]) >= 3, "what was seen before is kept"


async def test_so_many_watch_and_no_more(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "MOST_WATCHERS", 1)
    async with aiohttp.ClientSession() as http:
        async with http.get(url + ADMIN + "events") as first:
            assert first.status == 200
            assert (await ask(url + ADMIN + "events"))[0] == 503
            assert (await ask(url + ADMIN + "state"))[0] == 200

        async def is_let_in() -> bool:
            async with http.get(url + ADMIN + "events") as next:
                return next.status == 200

        await until(is_let_in)  # once the server has seen that the first went


async def test_who_watches_is_cut_off_with_the_key(server: NatsServer, bus: Bus, key: str) -> None:
    async with (
        client.ingress(server.url) as url,
        aiohttp.ClientSession() as http,
        http.get(url + ADMIN + "events", headers=bearer(key)) as answer,
    ):
        assert await answer.content.readline()
        await revoke(bus, key)
        with pytest.raises(aiohttp.ClientPayloadError):
            async with asyncio.timeout(10):
                await answer.content.read()


async def test_a_node_is_drained_and_taken_back(server: NatsServer, bus: Bus, key: str) -> None:
    drains = Bucket(bus, subjects.DRAINS_KV, DrainRecord)
    async with client.ingress(server.url) as url:
        status, told, _ = await ask(url + ADMIN + "nodes/n1/drain", "POST", key=key)
        assert (status, told["drained"]) == (200, True)
        again = (await ask(url + ADMIN + "nodes/n1/drain", "POST", key=key))[1]
        assert again == told, "the first word stands"
        record = await drains.get("n1")
        assert record is not None
        assert (record.by, record.at) == (told["by"], told["at"])
        assert record.by in key
        for _ in range(2):
            status, told, _ = await ask(url + ADMIN + "nodes/n1/drain", "DELETE", key=key)
            assert (status, told["drained"]) == (200, False)
        assert await drains.get("n1") is None
        status, told, _ = await ask(url + ADMIN + "nodes/a.b/drain", "POST", key=key)
        assert (status, told["error"]["code"]) == (400, "bad_request")


async def test_a_session_is_closed(url: str, actor: stand_in.Actor) -> None:
    async with client.connected(url) as speaker:
        session = (await speaker.start(source="fr", targets=["en"]))["session"]
        assert (await ask(f"{url}{ADMIN}sessions/{session}", "DELETE"))[0] == 204
        _, heard = actor.only()
        await actor.until(lambda: any(isinstance(each, SessionTerminated) for each in heard.mail))
        status, told, _ = await ask(url + ADMIN + "sessions/s0000000000000000", "DELETE")
        assert (status, told["error"]["code"]) == (404, "not_found")


async def test_dead_jobs_are_listed_and_discarded(url: str, bus: Bus) -> None:
    first = await bury(bus, dead(1, kept=True, history=["attempt 1 on n1: crashed"]), job(1))
    second = await bury(bus, dead(2))
    _, page, _ = await ask(url + ADMIN + "dead")
    assert [each["id"] for each in page["jobs"]] == [second, first]
    assert page["jobs"][1]["history"] == ["attempt 1 on n1: crashed"]
    assert [each["kept"] for each in page["jobs"]] == [False, True]
    _, page, _ = await ask(url + ADMIN + "dead?offset=1&limit=1")
    assert ([each["id"] for each in page["jobs"]], page["total"]) == ([first], 2)
    assert (await ask(url + ADMIN + "dead?limit=1000"))[0] == 400
    assert (await ask(f"{url}{ADMIN}dead/{first}", "DELETE"))[0] == 204
    assert await bus.subjects(subjects.DEAD, ">") == [subjects.dead("default", "s1")], "its audio is gone, too"
    for unknown in (first, 10**12, "x", "²"):
        status, told, _ = await ask(f"{url}{ADMIN}dead/{unknown}", "DELETE")
        assert (status, told["error"]["code"]) == (404, "not_found"), unknown
    _, page, _ = await ask(url + ADMIN + "dead")
    assert [each["id"] for each in page["jobs"]] == [second]


async def test_what_cannot_be_run_again_is_told(url: str, bus: Bus) -> None:
    without = await bury(bus, dead(1))
    homeless = await bury(bus, dead(2, kept=True), job(2))
    for id, why in ((without, "audio was not kept"), (homeless, "no transcript")):
        status, told, _ = await ask(f"{url}{ADMIN}dead/{id}/requeue", "POST")
        assert (status, told["error"]["code"]) == (409, "not_kept")
        assert why in told["error"]["message"]


@pytest.fixture
async def quiet(server: NatsServer, bus: Bus) -> AsyncIterator[str]:
    async with client.ingress(server.url) as url:
        yield url


async def test_nobody_is_asked_for_figures_while_nobody_looks(quiet: str, bus: Bus) -> None:
    asked: list[str] = []
    await bus.subscribe(subjects.STATS_ASK, lambda message: asked.append(message.subject))
    assert (await ask(quiet + "/healthz"))[0] == 200
    assert asked == []
    assert (await ask(quiet + ADMIN + "state"))[0] == 200
    assert asked


def test_the_page_needs_nothing_from_elsewhere() -> None:
    files = [*STATIC.glob("dashboard*"), STATIC / "chart.js"]
    assert len(files) >= 6
    for path in files:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, path.name
        assert "https:" not in text, path.name
