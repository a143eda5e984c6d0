"""The records of all recordings, and who may change them.

A record is changed by compare-and-set alone: `Register.change` reads, decides and writes until nobody was in between;
whoever works on a recording holds it by its revision (`Hold`), and learns from the first write that is refused that it
is somebody else's, or cancelled. So each recording comes to one end, whoever else believes to be at work on it.

An owner writes at least every `RENEW_S`. One that has been silent for `LEASE_S`, by the clock of whoever looks, has
died: no clock is compared with another's.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from ingress.recordings.refusals import NotThere
from ingress.signal import Signal
from wire import subjects
from wire.bus import Bus
from wire.errors import DragomanError, Stale
from wire.kv import Bucket
from wire.records import RecordingRecord
from wire.topology import RECORDING_TTL_S

RENEW_S = 3.0
LEASE_S = 10.0
PATIENCE_S = 6.0
"""For a write of an owner: then it is about to be taken for dead."""
OVER = ("done", "failed", "cancelled")
WORKED_ON = ("receiving", "running")

Step = Callable[[RecordingRecord | None], RecordingRecord]


class Lost(DragomanError):
    """The recording is somebody else's now, or cancelled."""

    code = "stale_owner"


def new_id(tenant: str, key: str = "", place: int = 0) -> str:
    """With an idempotency key, always the same; `place` is that in the request."""
    drawn = hashlib.sha256(f"{tenant}\0{key}\0{place}".encode()).digest() if key else secrets.token_bytes(20)
    return "rec-" + base64.b32encode(drawn[:20]).decode().lower()


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as this ingress knows it, since `at` (time.monotonic). `stamp`: the server's, in seconds since the
    epoch."""

    record: RecordingRecord
    at: float
    stamp: float

    def abandoned(self, now: float) -> bool:
        """By whoever had it. `now`: time.monotonic."""
        return self.record.state in WORKED_ON and now - self.at > LEASE_S


class Hold:
    """A recording in hand: every write names the revision of the one before. One write at a time."""

    def __init__(self, records: Bucket[RecordingRecord], record: RecordingRecord, revision: int) -> None:
        self._records = records
        self.record = record
        self._revision = revision
        self._sure = True

    async def save(self, **changes: Any) -> None:
        """Raises Lost, NatsUnavailable, QueueFull."""
        record = msgspec.structs.replace(self.record, **changes)
        await self._look_again()
        self._sure = False
        try:
            self._revision = await self._records.renew(record.id, record, self._revision, patience=PATIENCE_S)
        except Stale as error:
            raise self._lost() from error
        self.record, self._sure = record, True

    async def delete(self) -> None:
        """Raises Lost, NatsUnavailable."""
        await self._look_again()
        try:
            await self._records.delete(self.record.id, self._revision)
        except Stale as error:
            raise self._lost() from error

    async def _look_again(self) -> None:
        """Where a write was cancelled or unanswered: it may have been done."""
        if self._sure:
            return
        entry = await self._records.entry(self.record.id)
        if entry is None or _whose(entry[0]) != _whose(self.record):
            raise self._lost()
        self._revision = entry[1]

    def _lost(self) -> Lost:
        return Lost(f"the recording {self.record.id} is somebody else's now")


class Register:
    """`seen` is what `follow` knows; whoever `watch`es is told of each change."""

    def __init__(self, bus: Bus) -> None:
        self.seen: dict[str, Seen] = {}
        self._records = Bucket(bus, subjects.RECORDINGS_KV, RecordingRecord)
        self._watchers: set[Signal] = set()

    # --- looking ---

    async def follow(self) -> None:
        """For ever."""
        await self._records.follow_stamped(self._see)

    def _see(self, id: str, record: RecordingRecord | None, stamp: float) -> None:
        if record is None:
            self.seen.pop(id, None)
        else:
            self.seen[id] = Seen(record, time.monotonic(), stamp)
        for each in self._watchers:
            each.set()

    def forget_expired(self, now: float) -> None:
        """Keys go without a word when they are too old. `now`: seconds since the epoch."""
        for id in [id for id, seen in self.seen.items() if now - seen.stamp > RECORDING_TTL_S]:
            del self.seen[id]

    @contextlib.contextmanager
    def watching(self, signal: Signal) -> Iterator[None]:
        """It is set with each change of any record, inside the block."""
        self._watchers.add(signal)
        try:
            yield
        finally:
            self._watchers.discard(signal)

    async def get(self, id: str, tenant: str) -> RecordingRecord:
        """Raises NotThere, NatsUnavailable."""
        return own(await self._records.get(checked(id)), tenant)

    def of_tenant(self, tenant: str) -> list[RecordingRecord]:
        """Newest first."""
        mine = [each.record for each in self.seen.values() if each.record.tenant == tenant]
        return sorted(mine, key=lambda each: (-each.created, each.id))

    # --- changing ---

    async def change(self, id: str, step: Step) -> Hold:
        """What `step` makes of the record that is there (None: there is none). Where it gives back what it was given,
        nothing is written. Raises what `step` raises, NatsUnavailable, QueueFull."""
        while True:
            entry = await self._records.entry(id)
            found, revision = entry if entry is not None else (None, 0)
            made = step(found)
            if made is found:
                return Hold(self._records, made, revision)
            try:
                if entry is None:
                    stored = await self._records.create(id, made)
                else:
                    stored = await self._records.renew(id, made, revision)
            except Stale:
                continue
            if stored is not None:
                return Hold(self._records, made, stored)


def changed_to_cancelled(record: RecordingRecord) -> RecordingRecord:
    """The record itself, if it is."""
    if record.state == "cancelled":
        return record
    return msgspec.structs.replace(
        record, state="cancelled", owner="", name="", result="", code="", message="",
        finished=record.finished or time.time(), seconds_left=0.0,
    )  # fmt: skip


def _whose(record: RecordingRecord) -> tuple[str, str, int, float]:
    return record.state, record.owner, record.attempt, record.created


def own(record: RecordingRecord | None, tenant: str) -> RecordingRecord:
    """Raises NotThere."""
    if record is None or record.tenant != tenant:
        raise NotThere
    return record


def checked(id: str) -> str:
    """What may stand in an address, if it can be an id. Raises NotThere."""
    try:
        return subjects.token(id)
    except ValueError as error:
        raise NotThere from error
