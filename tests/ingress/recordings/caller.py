"""Somebody who brings recordings over HTTP."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp

from tests.ingress.access.doors import bearer
from tests.ingress.recordings.scribe import recording
from tests.waiting import until

Json = dict[str, Any]


class Answer(NamedTuple):
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> str:
        """Of an error; its shape is looked at."""
        error = self.body["error"]
        assert set(error) == {"message", "type", "code", "param"}
        assert error["message"]
        return str(error["code"])


class Event(NamedTuple):
    event: str
    id: str
    data: Json


class Jobs:
    """`key`: an API key that is shown."""

    def __init__(self, http: aiohttp.ClientSession, url: str, key: str = "") -> None:
        self.http = http
        self.url = url
        self._headers = bearer(key)

    def as_tenant(self, key: str) -> Jobs:
        return Jobs(self.http, self.url, key)

    async def ask(self, method: str, path: str = "", **given: Any) -> Answer:
        headers = self._headers | given.pop("headers", {})
        async with self.http.request(method, f"{self.url}/v1/jobs{path}", headers=headers, **given) as answer:
            is_json = answer.content_type == "application/json"
            told = await answer.json() if is_json else await answer.read()
            return Answer(answer.status, told, {name.lower(): value for name, value in answer.headers.items()})

    async def bring(self, data: bytes | None = None, *, name: str = "talk.wav", key: str = "", **fields: str) -> Answer:
        """`data`: nine seconds if left out. `key`: for idempotency."""
        form = aiohttp.FormData()
        for field, value in fields.items():
            form.add_field(field, value)
        form.add_field("file", io.BytesIO(recording(9) if data is None else data), filename=name)
        return await self.ask("POST", data=form, headers={"Idempotency-Key": key} if key else {})

    async def new(self, data: bytes | None = None, **fields: str) -> str:
        """Its id."""
        answer = await self.bring(data, **fields)
        assert answer.status == 202, answer
        return str(answer.body["id"])

    async def show(self, id: str) -> Json:
        answer = await self.ask("GET", f"/{id}")
        assert answer.status == 200, answer
        return dict(answer.body)

    async def until(self, id: str, state: str, patience: float = 30) -> Json:
        """The job, once it is so."""
        found: Json = {}

        async def is_so() -> bool:
            nonlocal found
            found = await self.show(id)
            return bool(found["state"] == state)

        try:
            await until(is_so, patience)
        except TimeoutError as error:
            raise AssertionError(found) from error
        return found

    async def events(self, id: str, **headers: str) -> list[Event]:
        """To the end of the job."""
        answer = await self.ask("GET", f"/{id}/events", headers={n.replace("_", "-"): v for n, v in headers.items()})
        assert answer.status == 200, answer
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [read(block) for block in answer.body.decode().split("\n\n") if block and not block.startswith(":")]

    async def result(self, id: str) -> bytes:
        answer = await self.ask("GET", f"/{id}/result")
        assert answer.status == 200, answer
        return bytes(answer.body)


def read(block: str) -> Event:
    fields = dict(line.split(": ", 1) for line in block.split("\n"))
    return Event(fields["event"], fields.get("id", ""), json.loads(fields["data"]))


def unpacked(result: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(result)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@contextlib.asynccontextmanager
async def jobs_at(url: str) -> AsyncIterator[Jobs]:
    async with aiohttp.ClientSession() as http:
        yield Jobs(http, url)
