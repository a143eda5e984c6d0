"""`/v1/sessions` over HTTP: see docs/history.md. A session of another tenant is not there, on every path.

A transcript may be as long as somebody cared to talk. So what takes long is done beside the event loop, and few are
read or deleted at once: one of each tenant, so that none holds up the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, get_args
from weakref import WeakValueDictionary

import msgspec
from aiohttp import hdrs, web

from ingress.access import answers
from ingress.access.caller import caller_of
from ingress.access.refusals import Forbidden
from ingress.history import erasing, shown, texts
from ingress.history.listing import newest
from ingress.shared import Ingress
from wire import subjects, transcripts
from wire.errors import ClientError
from wire.history import Erased, HistoryRecord, Transcript
from wire.kv import Bucket

SESSIONS = "/v1/sessions"
SESSION = SESSIONS + "/{id}"
MAX_PAGE, PAGE = 100, 20
READ_AT_ONCE = 4
PRIVATE = {hdrs.CACHE_CONTROL: "private, no-store"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BadField(ClientError):
    """HTTP 400."""

    code = "bad_field"


def install(app: web.Application, ingress: Ingress) -> None:
    door = Door(ingress)
    routes: list[tuple[str, str, Handler]] = [
        (hdrs.METH_GET, SESSIONS, door.list),
        (hdrs.METH_GET, SESSION, door.show),
        (hdrs.METH_GET, SESSION + "/transcript", door.transcript),
        (hdrs.METH_DELETE, SESSION, door.delete),
    ]
    for method, path, handler in routes:
        app.router.add_route(method, path, handler)
    app.cleanup_ctx.append(door.turning)


class Turns:
    """So many at once, and one of each tenant."""

    def __init__(self, at_once: int) -> None:
        self._room = asyncio.Semaphore(at_once)
        self._tenants: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def of(self, tenant: str) -> AsyncIterator[None]:
        async with self._tenants.setdefault(tenant, asyncio.Lock()), self._room:
            yield


class Door:
    def __init__(self, ingress: Ingress) -> None:
        self._bus = ingress.bus
        self._index = Bucket(ingress.bus, subjects.HISTORIES_KV, HistoryRecord)
        self._turning = erasing.Turning(ingress.bus)
        self._reading, self._deleting = Turns(READ_AT_ONCE), Turns(1)

    async def turning(self, app: web.Application) -> AsyncIterator[None]:
        """What is done while the server runs."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._turning.run(), name="turning")
            yield
            task.cancel()

    async def list(self, request: web.Request) -> web.StreamResponse:
        limit = _limit(request.query.get("limit", str(PAGE)))
        caller = caller_of(request)
        if not (caller.key or caller.admin):
            raise Forbidden("nobody needs a key here, so all are one tenant: who knows a session's id may ask for it")
        tenant = caller.tenant
        high = await self._before(tenant, request.query.get("before"))
        mine = functools.partial(self._index.first, subjects.history_of(tenant))
        page = await newest(mine, 1, high, limit + 1)
        records = [each.value for each in page[:limit]]
        data = await asyncio.gather(*(self._listed(tenant, record) for record in records))
        return web.json_response(
            {
                "object": "list",
                "data": [each for each in data if each is not None],
                "has_more": len(page) > limit,
                "before": records[-1].session if len(page) > limit else None,
            },
            headers=PRIVATE,
        )

    async def _before(self, tenant: str, session: str | None) -> int:
        """Where the page ends: a sequence that is not in it. Raises BadField."""
        if session is None:
            return await self._index.newest() + 1
        try:
            found = await self._index.entry(subjects.history_key(tenant, session))
        except ValueError:
            found = None
        if found is None:
            raise BadField("`before` names no session of yours")
        return found[1]

    async def _listed(self, tenant: str, record: HistoryRecord) -> dict[str, Any] | None:
        last = await self._bus.last(subjects.TRANSCRIPTS, subjects.transcript(tenant, record.session))
        entry = transcripts.read(last.data) if last is not None else None
        if last is None or entry is None or isinstance(entry, Erased):
            return None
        return shown.listed(record, entry, last.time)

    async def show(self, request: web.Request) -> web.StreamResponse:
        async with self._transcript(request) as found:
            told = await asyncio.to_thread(shown.session, found)
        return web.json_response(told, headers=PRIVATE)

    async def transcript(self, request: web.Request) -> web.StreamResponse:
        kind: Any = request.query.get("format", "json")
        if kind not in get_args(texts.Format):
            raise BadField(f"`format` is one of {', '.join(get_args(texts.Format))}")
        language = request.query.get("language", "")
        async with self._transcript(request) as found:
            body = await asyncio.to_thread(_written, found, kind, language)
        headers = {**PRIVATE}
        if kind != "json":
            name = ".".join(part for part in (found.session, language, kind) if part)
            headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{name}"'
        return web.Response(body=body, content_type=texts.MEDIA[kind], charset="utf-8", headers=headers)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        tenant, session = caller_of(request).tenant, _id(request)
        async with self._deleting.of(tenant):
            if await self._bus.last(subjects.TRANSCRIPTS, subjects.transcript(tenant, session)) is None:
                raise _missing()
            try:
                await erasing.check_over(self._bus, tenant, session)
            except erasing.SessionOpen as error:
                return answers.error(409, str(error), code=error.code)
            await erasing.erase(self._bus, tenant, session)
        self._turning.want()
        return web.json_response({"object": "session", "id": session, "deleted": True}, headers=PRIVATE)

    @contextlib.asynccontextmanager
    async def _transcript(self, request: web.Request) -> AsyncIterator[Transcript]:
        tenant, session = caller_of(request).tenant, _id(request)
        async with self._reading.of(tenant):
            found = await transcripts.of_session(self._bus, tenant, session)
            if found is None:
                raise _missing()
            yield found


def _written(found: Transcript, kind: texts.Format, language: str) -> bytes:
    """Raises LanguageMissing."""
    texts.check(found, language)
    if kind == "json":
        return msgspec.json.encode(shown.whole(found, language))
    return texts.written(found, kind, language).encode()


def _id(request: web.Request) -> str:
    try:
        return subjects.token(request.match_info["id"])
    except ValueError as error:
        raise _missing() from error


def _missing() -> web.HTTPNotFound:
    return web.HTTPNotFound(text="there is no such session")


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= MAX_PAGE:
        raise BadField(f"`limit` is 1 to {MAX_PAGE}")
    return int(text)
