"""How a recording comes in: its record first, then the upload and what is wanted of it; then it waits for a recorder.

The record is there before the upload, `receiving`: under an idempotency key only one of two that come at once gets it,
and what an ingress leaves that dies meanwhile is found and cleared away.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web

from ingress.access.caller import Caller
from ingress.recordings import asking, fetching
from ingress.recordings.asking import Asked
from ingress.recordings.kept import Kept
from ingress.recordings.refusals import Refused
from ingress.recordings.register import LEASE_S, Hold, Lost, new_id
from ingress.recordings.upload import Form, Keep, Reception
from ingress.shared import Ingress
from wire.errors import NatsUnavailable
from wire.records import RecordingRecord

SAVE_S = 2.0
KEY = re.compile(r"[\x21-\x7e]{1,255}")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Taken:
    """`again`: it was there before."""

    record: RecordingRecord
    again: bool = False


class Intake:
    """For one request. Everything raises Refused, OverLimit, QueueFull, NatsUnavailable."""

    def __init__(self, ingress: Ingress, kept: Kept, caller: Caller, key: str) -> None:
        if key and not KEY.fullmatch(key):
            message = "`Idempotency-Key` has 1 to 255 visible ASCII characters"
            raise Refused(message, code="bad_idempotency_key", param="Idempotency-Key")
        self._ingress = ingress
        self._kept = kept
        self._caller = caller
        self._key = key

    async def of_form(self, request: web.Request) -> Taken:
        reception = Reception(self._ingress.settings.max_upload_mb, self._count)
        hold = await self._begin(0)
        if hold.record.state != "receiving":
            form = await reception.receive(request, _hashed)
            return self._same(hold.record, self._asked(form), form.sha256)

        async def keep(data: AsyncIterator[bytes]) -> str:
            return (await self._kept.keep_upload(hold.record.id, data)).sha256

        return await self._received(hold, reception, lambda: self._read(request, reception, keep))

    async def _read(self, request: web.Request, reception: Reception, keep: Keep) -> tuple[Asked, str, int]:
        form = await reception.receive(request, keep)
        return self._asked(form), form.sha256, form.size

    async def of_addresses(self, body: bytes) -> list[Taken]:
        wanted = asking.from_json(body)
        if not self._ingress.settings.fetch_urls:
            message = "this server fetches nothing: send the recording itself, or ask its operator to set fetch_urls"
            raise Refused(message, code="fetching_is_off", status=403, param="urls")
        for asked in wanted:
            fetching.checked(asked.url)
            self._check_served(asked)
        return [await self._of_address(place, asked) for place, asked in enumerate(wanted)]

    async def _of_address(self, place: int, asked: Asked) -> Taken:
        hold = await self._begin(place)
        if hold.record.state != "receiving":
            return self._same(hold.record, asked, "")

        async def read() -> tuple[Asked, str, int]:
            return asked, "", 0

        return await self._received(hold, Reception(0, self._count), read)

    # --- the steps ---

    async def _begin(self, place: int) -> Hold:
        """A record of this caller's, `receiving`; or the one that the key had before."""
        id = new_id(self._caller.tenant, self._key, place)
        fresh = RecordingRecord(
            id=id, tenant=self._caller.tenant, state="receiving", created=round(time.time(), 3), owner=self._ingress.id
        )
        before: list[RecordingRecord] = []

        def step(found: RecordingRecord | None) -> RecordingRecord:
            before[:] = [] if found is None else [found]
            if found is None or found.state in ("failed", "cancelled"):
                return fresh
            if found.state == "receiving":
                seen = self._ingress.recordings.seen.get(id)
                if seen is None or seen.record != found or not seen.abandoned(time.monotonic()):
                    raise Refused(
                        "the same request is being uploaded now", code="idempotency_key_in_use", status=409,
                        param="Idempotency-Key", retry_after=round(LEASE_S),
                    )  # fmt: skip
                return fresh
            return found

        hold = await self._ingress.recordings.change(id, step)
        if before and hold.record is fresh:
            await self._kept.clear(before[0])
        return hold

    async def _received(
        self, hold: Hold, reception: Reception, read: Callable[[], Awaitable[tuple[Asked, str, int]]]
    ) -> Taken:
        """Whatever goes wrong, nothing is left of it."""
        try:
            asked, sha256, size = await self._while_saying_so(hold, reception, read)
            await self._kept.keep_asked(hold.record.id, asked)
            wishes = asked.wishes()
            await hold.save(
                state="waiting", owner="", request=asking.digest(asked, sha256), name=asked.name, source=asked.source,
                targets=wishes.targets, between=asked.between, spoken=asked.speech, uploaded=size,
                translated=dict.fromkeys(wishes.targets, 0.0), voiced=dict.fromkeys(asked.speech, 0.0),
            )  # fmt: skip
        except Lost as error:
            raise Refused("the job was cancelled meanwhile", code="cancelled", status=409) from error
        except BaseException:
            with contextlib.suppress(NatsUnavailable, Lost):
                await self._kept.drop_uploads(hold.record.id)
                await hold.delete()
            raise
        return Taken(hold.record)

    async def _while_saying_so(self, hold: Hold, reception: Reception, read: Callable[[], Awaitable[T]]) -> T:
        """Others see that it comes in, and how much there is."""

        async def say() -> None:
            while True:
                await asyncio.sleep(SAVE_S)
                with contextlib.suppress(NatsUnavailable):
                    await hold.save(uploaded=reception.size)

        saying = asyncio.ensure_future(say())
        reading = asyncio.ensure_future(read())
        try:
            await asyncio.wait({saying, reading}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                saying.result()
            return await reading
        finally:
            for each in (saying, reading):
                each.cancel()
            await asyncio.wait({saying, reading})

    def _asked(self, form: Form) -> Asked:
        asked = asking.from_form(form.fields, form.name)
        self._check_served(asked)
        return asked

    def _check_served(self, asked: Asked) -> None:
        """While no node is there at all, whatever could be served is kept."""
        ingress, wishes = self._ingress, asked.wishes()
        pool = ingress.settings.pool
        if not ingress.fleet.ready(pool):
            return
        if refusal := ingress.fleet.refusal(pool, wishes.source, wishes.targets, wishes.options.between):
            raise Refused(refusal, code="language_unsupported")

    def _same(self, record: RecordingRecord, asked: Asked, sha256: str) -> Taken:
        if record.request != asking.digest(asked, sha256):
            raise Refused(
                "this key was used with another recording, or other fields", code="idempotency_key_reused", status=409,
                param="Idempotency-Key",
            )  # fmt: skip
        return Taken(record, again=True)

    def _count(self, count: int) -> None:
        self._ingress.meter.bytes(self._caller, count)


async def _hashed(data: AsyncIterator[bytes]) -> str:
    digest = hashlib.sha256()
    async for piece in data:
        digest.update(piece)
    return digest.hexdigest()
