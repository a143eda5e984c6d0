"""`/v1/jobs` over HTTP: see docs/recordings.md. A job of another tenant is not there, on every path."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import hdrs, web

from ingress.access import answers
from ingress.access.body import PATIENCE_S
from ingress.access.caller import caller_of
from ingress.endings import Ending
from ingress.recordings import download, events, shown
from ingress.recordings.asking import MAX_REFERENCE_BYTES
from ingress.recordings.intake import Intake, Taken
from ingress.recordings.kept import Kept
from ingress.recordings.refusals import Refused, StorageFull
from ingress.recordings.register import changed_to_cancelled, checked, own
from ingress.shared import Ingress
from wire.errors import QueueFull, Unavailable
from wire.objects import ObjectGone
from wire.records import RecordingRecord

JOBS = "/v1/jobs"
JOB = JOBS + "/{id}"
IDEMPOTENCY_KEY = "Idempotency-Key"
REPLAYED = {"Idempotent-Replayed": "true"}
MAX_PAGE, PAGE = 100, 20

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def install(app: web.Application, ingress: Ingress) -> None:
    door = Door(ingress)
    routes: list[tuple[str, str, Handler]] = [
        (hdrs.METH_POST, JOBS, door.create),
        (hdrs.METH_GET, JOBS, door.list),
        (hdrs.METH_GET, JOB, door.show),
        (hdrs.METH_GET, JOB + "/events", door.events),
        (hdrs.METH_GET, JOB + "/result", door.result),
        (hdrs.METH_HEAD, JOB + "/result", door.result),
        (hdrs.METH_DELETE, JOB, door.delete),
    ]
    for method, path, handler in routes:
        app.router.add_route(method, path, _in_words(_while_let_in(handler, ingress)))


def _in_words(handler: Handler) -> Handler:
    """What a door of recordings says no to, as its own statuses."""

    @functools.wraps(handler)
    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except QueueFull:
            return _refusal(StorageFull())
        except Refused as refused:
            return _refusal(refused)

    return answered


def _while_let_in(handler: Handler, ingress: Ingress) -> Handler:
    """What takes long - an upload, a download, events - breaks off when the key is revoked under which it began."""

    @functools.wraps(handler)
    async def watched(request: web.Request) -> web.StreamResponse:
        def end(ending: Ending) -> None:
            if request.transport is not None:
                request.transport.abort()

        with ingress.meter.watching(caller_of(request), end):
            return await handler(request)

    return watched


def _refusal(refused: Refused) -> web.Response:
    headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after else None
    return answers.error(refused.status, str(refused), code=refused.code, param=refused.param, headers=headers)


class Door:
    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress
        self._kept = Kept(ingress.bus)

    async def create(self, request: web.Request) -> web.StreamResponse:
        self._check_open()
        key = request.headers.get(IDEMPOTENCY_KEY, "")
        intake = Intake(self._ingress, self._kept, caller_of(request), key)
        if request.content_type == "multipart/form-data":
            taken = await intake.of_form(request)
            return _accepted(shown.job(taken.record), [taken])
        if request.content_type != "application/json":
            message = "send multipart/form-data with a `file`, or application/json with `urls`"
            raise Refused(message, code="unsupported_media_type", status=415)
        jobs = await intake.of_addresses(await _body(request))
        return _accepted({"object": "list", "data": [shown.job(each.record) for each in jobs]}, jobs)

    async def list(self, request: web.Request) -> web.StreamResponse:
        limit = _limit(request.query.get("limit", str(PAGE)))
        mine = self._ingress.recordings.of_tenant(caller_of(request).tenant)
        if (after := request.query.get("after")) is not None:
            places = [place for place, each in enumerate(mine) if each.id == after]
            if not places:
                raise Refused("`after` names no job of yours", code="bad_field", param="after")
            mine = mine[places[0] + 1 :]
        page = [shown.job(each) for each in mine[:limit]]
        return web.json_response({"object": "list", "data": page, "has_more": len(mine) > limit})

    async def show(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(shown.job(await self._record(request)))

    async def events(self, request: web.Request) -> web.StreamResponse:
        return await events.told(request, await self._record(request), self._ingress, self._kept)

    async def result(self, request: web.Request) -> web.StreamResponse:
        record = await self._record(request)
        if record.state in ("receiving", "waiting", "running"):
            raise Refused("the job is not finished", code="not_finished", status=409)
        if record.state != "done":
            raise Refused(f"the job is {record.state}: there is no result", code="no_result", status=409)
        try:
            return await download.sent(request, record, self._kept)
        except ObjectGone as error:
            raise Refused("the result is not there any more", code="no_result", status=409) from error

    async def delete(self, request: web.Request) -> web.StreamResponse:
        self._check_open()
        tenant = caller_of(request).tenant
        before: list[RecordingRecord] = []

        def step(found: RecordingRecord | None) -> RecordingRecord:
            before[:] = [own(found, tenant)]
            return changed_to_cancelled(before[0])

        hold = await self._ingress.recordings.change(checked(request.match_info["id"]), step)
        await self._kept.clear(before[0])
        return web.json_response(shown.job(hold.record))

    async def _record(self, request: web.Request) -> RecordingRecord:
        return await self._ingress.recordings.get(request.match_info["id"], caller_of(request).tenant)

    def _check_open(self) -> None:
        if (ending := self._ingress.closed_to_all()) is not None:
            told = ending.error
            raise Unavailable(told.message if told else "try again", code=told.code if told else None)


def _accepted(body: dict[str, Any], jobs: list[Taken]) -> web.Response:
    headers = REPLAYED.copy() if all(each.again for each in jobs) else {}
    if len(jobs) == 1:
        headers[hdrs.LOCATION] = f"{JOBS}/{jobs[0].record.id}"
    return web.json_response(body, status=202, headers=headers)


async def _body(request: web.Request) -> bytes:
    data = bytearray()
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for piece in request.content.iter_chunked(64 * 1024):
                data += piece
                if len(data) > 2 * MAX_REFERENCE_BYTES:
                    raise Refused("the body is too large", code="too_large", status=413)
    except TimeoutError as error:
        raise Refused("the body has not come in whole", code="request_timeout", status=408) from error
    return bytes(data)


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= MAX_PAGE:
        raise Refused(f"`limit` is 1 to {MAX_PAGE}", code="bad_field", param="limit")
    return int(text)
