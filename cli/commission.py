"""One recording's way through a server: known by its fingerprint, brought or found again, followed, and fetched.

Where it stands is written beside the result to come, so that a second start finds the job without bringing the file
again; and where that is lost, the server knows the same request by its Idempotency-Key. Whatever breaks in between is
tried again for a while. Work goes on at the server whoever watches.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from cli import unpack
from cli.fingerprint import fingerprint
from cli.patience import Patience
from cli.progress import View
from cli.recordings import Denied, Download, Job, Recordings, Unreachable
from wire.errors import DragomanError

PLACE = ".dragoman.json"
DOWNLOAD = ".dragoman.zip"
GONE = 404

T = TypeVar("T")


class Unfinished(DragomanError):
    """The server gave the recording up, or somebody cancelled it."""

    code = "unfinished"


class Place(msgspec.Struct, frozen=True):
    """What was brought where, and what it became there."""

    server: str
    fingerprint: str
    job: str


@dataclass(frozen=True)
class Order:
    """`file` is to be worked on as `wishes` say (fields of POST /v1/jobs), and `folder` gets the result."""

    file: Path
    folder: Path
    wishes: dict[str, str]


class Commission:
    """`run` it once. `uploading` holds back those that would bring a file while others do. `job` is "" until there is
    one."""

    def __init__(self, order: Order, server: Recordings, uploading: asyncio.Semaphore, view: View) -> None:
        self.order = order
        self.job = ""
        self._server = server
        self._uploading = uploading
        self._view = view

    async def run(self) -> Job:
        """Until the result is in its folder. Returns the job.

        Raises Unfinished, ArchiveUnsafe, what cli.recordings raises, and OSError where a file cannot be read or
        written."""
        known = await fingerprint(self.order.file, self.order.wishes, self._told("reading", self.order.file))
        job = await self._found(known)
        if job is None:
            async with self._uploading:
                job = await self._persist(lambda: self._bring(known))
        self._remember(Place(self._server.base, known, job.id))
        job = await self._followed(job)
        if job.state != "done":
            why = job.error.message if job.error else f"it was {job.state}"
            raise Unfinished(why, code=job.error.code if job.error and job.error.code else job.state)
        await self._collect(job)
        return job

    async def cancel(self) -> bool:
        """End what an earlier run began. Returns whether there was anything."""
        place = self._place()
        if place is None or place.server != self._server.base:
            return False
        try:
            await self._persist(lambda: self._server.cancel(place.job))
        except Denied as error:
            if error.status != GONE:
                raise
            return False
        return True

    # --- finding ---

    async def _found(self, known: str) -> Job | None:
        """What an earlier run brought, unless it is gone or has come to nothing."""
        place = self._place()
        if place is None or (place.server, place.fingerprint) != (self._server.base, known):
            return None
        try:
            job = await self._persist(lambda: self._server.look(place.job))
        except Denied as error:
            if error.status != GONE:
                raise
            return None
        return None if job.state in ("failed", "cancelled") else job

    async def _bring(self, known: str) -> Job:
        told = self._told("uploading", self.order.file)
        return await self._server.begin(self.order.file, self.order.wishes, known, told)

    def _told(self, stage: str, file: Path) -> Callable[[int], None]:
        total = file.stat().st_size
        return lambda done: self._view.bytes(self.order.file, stage, done, total)

    def _place(self) -> Place | None:
        with contextlib.suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode((self.order.folder / PLACE).read_bytes(), type=Place)
        return None

    def _remember(self, place: Place) -> None:
        self.job = place.job
        self.order.folder.mkdir(parents=True, exist_ok=True)
        beside = self.order.folder / f"{PLACE}.part"
        beside.write_bytes(msgspec.json.encode(place))
        os.replace(beside, self.order.folder / PLACE)

    # --- following and fetching ---

    async def _followed(self, job: Job) -> Job:
        """The job when it is over."""
        newest = job
        self._view.job(self.order.file, newest)
        patience = Patience()
        while not newest.over:
            try:
                async with contextlib.aclosing(self._server.watch(job.id)) as changes:
                    async for newest in changes:
                        patience.succeeded()
                        self._view.job(self.order.file, newest)
                if not newest.over:
                    raise Unreachable(f"{self._server.base} has ended the connection")
            except DragomanError as error:
                await self._wait(patience, error)
        return newest

    async def _collect(self, job: Job) -> None:
        download = Download(self.order.folder / DOWNLOAD)

        def told(done: int, total: int | None) -> None:
            self._view.bytes(self.order.file, "downloading", done, total)

        try:
            await self._persist(lambda: self._server.fetch(job.id, download, told))
            files = await asyncio.to_thread(unpack.unpack, download.path, self.order.folder)
        finally:
            download.path.unlink(missing_ok=True)
        self._view.saved(
            self.order.file, self.order.folder, [each.relative_to(self.order.folder) for each in files], job
        )

    async def _persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Until it succeeds, or there is no use in trying."""
        patience = Patience()
        while True:
            try:
                return await attempt()
            except DragomanError as error:
                await self._wait(patience, error)

    async def _wait(self, patience: Patience, error: DragomanError) -> None:
        after = error.retry_after if isinstance(error, Denied) else None
        pause = patience.pause(error, asyncio.get_running_loop().time(), after)
        self._view.waits(self.order.file, error, pause)
        await asyncio.sleep(pause)
