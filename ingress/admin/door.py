"""`/dashboard` and `/v1/admin/…`. The guard lets operators in and nobody else; what they do is logged, with who."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import web

from ingress.access import answers, caller_of
from ingress.admin import showing
from ingress.admin.dead import Buried
from ingress.admin.mending import NotKept
from ingress.admin.showing import SessionSeen
from ingress.admin.told import Drained, Requeued
from ingress.endings import Ending
from ingress.shared import Ingress
from wire import subjects
from wire.errors import ClientError
from wire.kv import Bucket
from wire.log import get
from wire.messages import SessionTerminated
from wire.records import DrainRecord

log = get(__name__)

PAGE = Path(__file__).parent.parent / "static" / "dashboard.html"
HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
READ_PATIENCE_S = 20.0
"""A watcher that takes nothing for so long is cut off."""
FIRST_PATIENCE_S = 10.0
MOST = 200

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def install(app: web.Application, ingress: Ingress) -> None:
    door = Door(ingress)
    app.router.add_get("/dashboard", _page)
    for method, path, handler in (
        ("GET", "state", door.state),
        ("GET", "events", door.events),
        ("GET", "sessions", door.sessions),
        ("DELETE", "sessions/{id}", door.close),
        ("POST", "nodes/{node}/drain", door.drain),
        ("DELETE", "nodes/{node}/drain", door.undrain),
        ("GET", "dead", door.dead),
        ("POST", "dead/{id}/requeue", door.requeue),
        ("DELETE", "dead/{id}", door.discard),
    ):
        app.router.add_route(method, f"/v1/admin/{path}", _unstored(handler))


async def _page(request: web.Request) -> web.StreamResponse:
    return web.FileResponse(PAGE)


def _unstored(handler: Handler) -> Handler:
    @functools.wraps(handler)
    async def answered(request: web.Request) -> web.StreamResponse:
        answer = await handler(request)
        if not answer.prepared:
            answer.headers["Cache-Control"] = "no-store"
        return answer

    return answered


class Door:
    def __init__(self, ingress: Ingress) -> None:
        bus = ingress.bus
        self._ingress = ingress
        self._board = ingress.board
        self._mender = ingress.mender
        self._bus = bus
        self._drains = Bucket(bus, subjects.DRAINS_KV, DrainRecord)
        self._sessions = Bucket(bus, subjects.SESSIONS_KV, SessionSeen)

    # --- looking ---

    async def state(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=await self._first(), content_type="application/json")

    async def _first(self) -> bytes:
        """The newest that is known, or the first there is. Raises Unavailable."""
        try:
            async with asyncio.timeout(FIRST_PATIENCE_S):
                return await self._board.after(0)
        except TimeoutError as error:
            raise web.HTTPServiceUnavailable(text="NATS does not answer: nothing can be shown now") from error

    async def events(self, request: web.Request) -> web.StreamResponse:
        """`history` once, and then `state` each second."""
        response = web.StreamResponse(headers=HEADERS)

        def end(ending: Ending) -> None:
            if request.transport is not None:
                request.transport.abort()

        with self._board.watching(), self._ingress.meter.watching(caller_of(request), end):
            await response.prepare(request)
            try:
                await self._tell(response)
                await response.write_eof()
            except ConnectionError:
                pass  # it has gone
            except TimeoutError:
                if request.transport is not None:
                    request.transport.abort()
        return response

    async def _tell(self, response: web.StreamResponse) -> None:
        board, number = self._board, 0
        await _write(response, "history", msgspec.json.encode(board.history))
        while not self._ingress.stopping:
            try:
                async with asyncio.timeout(FIRST_PATIENCE_S):
                    state = await board.after(number)
            except TimeoutError:
                await _put(response, b":\n\n")
                continue
            number = board.number
            await _write(response, "state", state)

    async def sessions(self, request: web.Request) -> web.StreamResponse:
        await self._first()
        search = request.query.get("search", "")[:200]
        found = showing.page(self._board.view.live(), search, *_range(request))
        return _json(found)

    async def dead(self, request: web.Request) -> web.StreamResponse:
        await self._board.dead.refresh()
        return _json(self._board.dead.page(*_range(request), self._mender.states))

    # --- doing ---

    async def drain(self, request: web.Request) -> web.StreamResponse:
        node, by = _name(request, "node"), _who(request)
        record = DrainRecord(by=by, at=round(time.time(), 3))
        if await self._drains.create(node, record) is None:
            record = await self._drains.get(node) or record
        else:
            log.info("an operator drains a node", node=node, by=by)
        return _json(Drained(node=node, drained=True, by=record.by, at=record.at))

    async def undrain(self, request: web.Request) -> web.StreamResponse:
        node = _name(request, "node")
        if await self._drains.get(node) is not None:
            await self._drains.delete(node)
            log.info("an operator takes a node back", node=node, by=_who(request))
        return _json(Drained(node=node, drained=False))

    async def close(self, request: web.Request) -> web.StreamResponse:
        session = _name(request, "id")
        found = await self._sessions.get(subjects.session_key(session))
        if found is None and await self._bus.last(subjects.MAILBOX, subjects.mailbox(session, "client")) is None:
            raise web.HTTPNotFound(text=f"there is no session {session} now")
        if found is None or found.state.phase != "closed":  # one that was just opened has no record yet
            await self._bus.store(subjects.mailbox(session, "control"), SessionTerminated(reason="operator"))
            log.info("an operator ends a session", session=session, by=_who(request))
        return web.Response(status=204)

    async def requeue(self, request: web.Request) -> web.StreamResponse:
        buried = await self._buried(request)
        try:
            await self._mender.requeue(buried)
        except NotKept as error:
            return answers.error(409, str(error), code=error.code)
        log.info("an operator requeues a job", job=buried.dead.job, id=buried.id, by=_who(request))
        return _json(Requeued(id=buried.id, job=buried.dead.job), status=202)

    async def discard(self, request: web.Request) -> web.StreamResponse:
        buried = await self._buried(request)
        await self._board.dead.discard(buried)
        log.info("an operator discards a job", job=buried.dead.job, id=buried.id, by=_who(request))
        return web.Response(status=204)

    async def _buried(self, request: web.Request) -> Buried:
        text = request.match_info["id"]
        found = await self._board.dead.find(int(text)) if text.isdecimal() and 0 < len(text) < 16 else None
        if found is None:
            raise web.HTTPNotFound(text="there is no such job: it was done again, discarded, or is over a week old")
        return found


async def _write(response: web.StreamResponse, event: str, data: bytes) -> None:
    await _put(response, b"event: %s\ndata: %s\n\n" % (event.encode(), data))


async def _put(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(READ_PATIENCE_S):
        await response.write(data)


def _json(told: msgspec.Struct, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(told), status=status, content_type="application/json")


def _who(request: web.Request) -> str:
    """The id of the operator's key, for the log."""
    return caller_of(request).key or "this machine"


def _name(request: web.Request, field: str) -> str:
    """Raises ClientError."""
    try:
        return subjects.token(request.match_info[field])
    except ValueError as error:
        raise ClientError(str(error)) from error


def _range(request: web.Request) -> tuple[int, int]:
    """`offset` and `limit`. Raises ClientError."""
    found = []
    for name, usual, most in (("offset", "0", 10**9), ("limit", "50", MOST)):
        text = request.query.get(name, usual)
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= most):
            raise ClientError(f"`{name}` is a number from 0 to {most}, not {text[:50]!r}")
        found.append(int(text))
    return found[0], found[1]
