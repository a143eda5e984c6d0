"""A server that speaks docs/recordings.md as far as a client of it goes, and does as a test tells it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web


def packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


RESULT = packed({"transcript.json": b"{}", "en.srt": b"1"})


@dataclass
class Kept:
    """A job. `changed` is set whenever something else is to be told."""

    job: dict[str, Any]
    fields: dict[str, str]
    sound: bytes
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class JobServer:
    """`goes_on` is what becomes of a job that is watched: what its fields change to, again and again; the last of them
    ends it. `refusals` answer the next requests of a method instead, (status, code, Retry-After) each; `broken` is how
    many of the next streams of events or results break off in the middle."""

    def __init__(self) -> None:
        self.url = ""
        self.jobs: dict[str, Kept] = {}
        self.keys: dict[str, str] = {}
        self.goes_on: list[dict[str, Any]] = [{"state": "running", "seconds_left": 3.0}, {"state": "done"}]
        self.result = RESULT
        self.refusals: dict[str, list[tuple[int, str, str]]] = {}
        self.broken_events = self.broken_results = 0
        self.asked: list[str] = []
        self.shown: set[str | None] = set()
        self.held = asyncio.Event()
        self.held.set()

    # --- what tests look at ---

    def count(self, method: str, ending: str = "") -> int:
        return sum(each.startswith(method) and each.endswith(ending) for each in self.asked)

    # --- the routes ---

    async def admit(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        self.shown.add(request.headers.get("Authorization"))
        waiting = self.refusals.get(request.method, [])
        if waiting:
            status, code, after = waiting.pop(0)
            headers = {"Retry-After": after} if after else {}
            return refused(status, code, headers)
        return await handler(request)  # type: ignore[no-any-return]

    async def new(self, request: web.Request) -> web.Response:
        fields: dict[str, str] = {}
        sound = b""
        async for part in await request.multipart():
            assert isinstance(part, aiohttp.BodyPartReader)
            if part.name == "file":
                sound = bytes(await part.read())
                fields["name"] = part.filename or ""
            else:
                fields[part.name or ""] = await part.text()
        key = request.headers["Idempotency-Key"]
        known = self.keys.get(key)
        if known is not None and self.jobs[known].job["state"] not in ("failed", "cancelled"):
            return web.json_response(self.jobs[known].job, status=202, headers={"Idempotent-Replayed": "true"})
        name = known or f"rec-{len(self.jobs) + 1}"
        job = {"object": "job", "id": name, "state": "waiting", "duration": 10.0, "progress": {"heard": 0.0}}
        self.keys[key], self.jobs[name] = name, Kept(job, fields, sound)
        return web.json_response(job, status=202)

    async def one(self, request: web.Request) -> web.Response:
        kept = self.jobs.get(request.match_info["id"])
        return refused(404, "not_found") if kept is None else web.json_response(kept.job)

    async def listed(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [], "has_more": False})

    async def delete(self, request: web.Request) -> web.Response:
        kept = self.jobs.get(request.match_info["id"])
        if kept is None:
            return refused(404, "not_found")
        kept.job["state"] = "cancelled"
        return web.json_response(kept.job)

    async def events(self, request: web.Request) -> web.StreamResponse:
        kept = self.jobs[request.match_info["id"]]
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        await stream.write(b": hello\r\n\r\n" + told("state", kept.job))
        if self.broken_events:
            self.broken_events -= 1
            return stream
        await self.held.wait()
        for changes in self.goes_on:
            kept.job |= changes
            await stream.write(told("utterance", {"utterance": 1, "text": "hello"}) + told("progress", kept.job))
        return stream

    async def fetched(self, request: web.Request) -> web.StreamResponse:
        begin = request.http_range.start or 0 if request.headers.get("If-Range") == '"e"' else 0
        body = self.result[begin:]
        headers = {"ETag": '"e"', "Content-Length": str(len(body)), "Content-Type": "application/zip"}
        stream = web.StreamResponse(status=206 if begin else 200, headers=headers)
        await stream.prepare(request)
        if self.broken_results:
            self.broken_results -= 1
            await stream.write(body[: len(body) // 2])
            assert request.transport is not None
            request.transport.close()
            return stream
        await stream.write(body)
        return stream


def told(event: str, data: Any) -> bytes:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()


def refused(status: int, code: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"error": {"message": f"no: {code}", "type": "t", "code": code, "param": None}}
    return web.json_response(body, status=status, headers=headers)


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[JobServer]:
    server = JobServer()

    @web.middleware
    async def admit(request: web.Request, handler: Any) -> web.StreamResponse:
        return await server.admit(request, handler)

    app = web.Application(middlewares=[admit], client_max_size=2**30)
    app.router.add_post("/v1/jobs", server.new)
    app.router.add_get("/v1/jobs", server.listed)
    app.router.add_get("/v1/jobs/{id}", server.one)
    app.router.add_delete("/v1/jobs/{id}", server.delete)
    app.router.add_get("/v1/jobs/{id}/events", server.events)
    app.router.add_get("/v1/jobs/{id}/result", server.fetched)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.held.set()
        await runner.cleanup()
