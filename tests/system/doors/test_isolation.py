"""What is one tenant's is not there for another: every path with an id in it answers another tenant's id as it answers
one that there never was, to the byte. (Sessions, rooms and tokens: tests/system/test_doors.py.)"""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from ingress.access.guard import ADMIN
from ingress.recordings.register import new_id
from tests.system.doors.house import House, sound
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

CHANGES = {"date"}
METHODS = ("get", "put", "post", "delete", "patch")


async def brought(house: House, key: str, idempotency: str = "") -> tuple[dict[str, Any], bool]:
    """A job, and whether it was there already."""
    form = aiohttp.FormData({"targets": "en", "speech": "true"})
    form.add_field("file", sound(3), filename="ours.wav")
    headers = {"Authorization": f"Bearer {key}"} | ({"Idempotency-Key": idempotency} if idempotency else {})
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{house.url}/v1/jobs", data=form) as answer,
    ):
        assert answer.status == 202, await answer.text()
        return await answer.json(), "Idempotent-Replayed" in answer.headers


async def done(house: House, key: str) -> str:
    """The id of a job that is."""
    job, _ = await brought(house, key)

    async def is_done() -> bool:
        job.update((await house.ask("GET", f"/v1/jobs/{job['id']}", key))[1])
        assert job["state"] != "failed", job
        return bool(job["state"] == "done")

    await until(is_done, 60)
    return str(job["id"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ours(house: House) -> dict[str, str]:
    """Ids of jobs of ours, by their states."""
    cancelled = await done(house, house.ours)
    await house.ask("DELETE", f"/v1/jobs/{cancelled}")
    return {"done": await done(house, house.ours), "cancelled": cancelled}


async def heard(house: House, method: str, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """The whole answer to the other tenant, but for what is another each time."""
    shown = {"Authorization": f"Bearer {house.theirs}", **headers}
    async with aiohttp.ClientSession(headers=shown) as http, http.request(method, house.url + path) as answer:
        kept = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in CHANGES}
        return answer.status, await answer.read(), kept


@pytest.mark.parametrize("state", ["done", "cancelled"])
async def test_every_path_with_an_id_answers_as_if_there_were_none(
    house: House, ours: dict[str, str], state: str
) -> None:
    _, document, _ = await house.ask("GET", "/openapi.json")
    routes = [
        (method, path)
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item and "{id}" in path
    ]
    assert {path for _, path in routes} >= {"/v1/jobs/{id}", "/v1/jobs/{id}/events", "/v1/jobs/{id}/result"}
    routes.append(("head", "/v1/jobs/{id}/result"))
    for method, path in routes:
        for headers in ({}, {"Range": "bytes=0-0"}, {"If-None-Match": "*"}, {"Last-Event-ID": "1"}):
            unknown = await heard(house, method, path.replace("{id}", new_id("nobody")), **headers)
            theirs = await heard(house, method, path.replace("{id}", ours[state]), **headers)
            assert theirs == unknown, (method, path)
            assert unknown[0] == (403 if path.startswith(ADMIN) else 404)
    status, job, _ = await house.ask("GET", f"/v1/jobs/{ours[state]}")
    assert (status, job["state"]) == (200, state), "nothing that they did has changed it"


async def test_a_list_has_ones_own_alone(house: House, ours: dict[str, str]) -> None:
    mine = await done(house, house.theirs)
    _, listed, _ = await house.ask("GET", "/v1/jobs?limit=100", house.theirs)
    ids = {job["id"] for job in listed["data"]}
    assert mine in ids
    assert not ids & set(ours.values())
    unknown = await heard(house, "GET", f"/v1/jobs?after={new_id('nobody')}")
    assert await heard(house, "GET", f"/v1/jobs?after={ours['done']}") == unknown


async def test_an_idempotency_key_is_ones_own(house: House) -> None:
    first, again = await brought(house, house.ours, "the-same-key")
    assert not again
    assert (await brought(house, house.ours, "the-same-key"))[1]
    other, again = await brought(house, house.theirs, "the-same-key")
    assert not again
    assert other["id"] != first["id"]
    assert first["id"] not in json.dumps(other)


async def test_what_was_begun_with_a_token_is_its_tenants(house: House) -> None:
    tokens = [(await house.ask("POST", "/v1/tokens", key, json={}))[1]["token"] for key in (house.ours, house.theirs)]
    job, _ = await brought(house, tokens[0])
    seen = [(await house.ask("GET", f"/v1/jobs/{job['id']}", key))[0] for key in (house.ours, house.theirs, tokens[1])]
    assert seen == [200, 404, 404]
