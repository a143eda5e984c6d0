"""A KV bucket: keys to structs, as JSON. A bucket is a stream whose subjects are its keys, so it needs only the bus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from wire import newer
from wire.bus import Bus, Delivered
from wire.errors import ProtocolViolation, Stale
from wire.log import get
from wire.messages import Message, decode

log = get(__name__)

R = TypeVar("R", bound=Message)

END_OF_STREAM = 2**60
MOST_DELETED = 1000
"""Keys of which it is remembered that they were deleted: of others, `create` has to look."""


@dataclass(frozen=True, slots=True)
class Row(Generic[R]):
    """`sequence` is the revision: of two keys, the one that was written later has the higher."""

    key: str
    value: R
    sequence: int


class Bucket(Generic[R]):
    """`name` as in wire.topology.BUCKETS; `kind` is the struct of its values."""

    def __init__(self, bus: Bus, name: str, kind: type[R]) -> None:
        self._bus = bus
        self._stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."
        self._kind = kind
        self._deleted: dict[
            str, int
        ] = {}  # revision of the marker that a delete leaves, of keys that `follow` has seen

    async def put(self, key: str, value: R, *, patience: float = 12.0) -> int:
        """Returns the revision."""
        return (await self._bus.store(self._prefix + key, value, patience=patience)).sequence

    async def create(self, key: str, value: R, *, ttl: int | None = None) -> int | None:
        """Put it only where there is none. Returns the revision; None: somebody was first.

        With `ttl` (whole seconds) the key goes by itself, unless it is renewed.
        """
        subject = self._prefix + key
        try:
            return (await self._bus.store(subject, value, expect_last=self._deleted.get(key, 0), ttl=ttl)).sequence
        except Stale:
            last = await self._bus.last(self._stream, subject)
            if last is not None and last.data:
                return None
            try:
                return (
                    await self._bus.store(subject, value, expect_last=last.sequence if last else 0, ttl=ttl)
                ).sequence
            except Stale:
                return None

    async def renew(self, key: str, value: R, revision: int, *, ttl: int | None = None, patience: float = 12.0) -> int:
        """Put it where `revision` is still the last; returns the new one. Raises Stale where it is not."""
        stored = await self._bus.store(self._prefix + key, value, expect_last=revision, ttl=ttl, patience=patience)
        return stored.sequence

    async def get(self, key: str) -> R | None:
        found = await self.entry(key)
        return found[0] if found is not None else None

    async def entry(self, key: str) -> tuple[R, int] | None:
        """The value with its revision."""
        last = await self._bus.last(self._stream, self._prefix + key)
        return (decode(self._kind, last.data), last.sequence) if last is not None and last.data else None

    async def newest(self) -> int:
        """The highest revision that there ever was."""
        return await self._bus.newest(self._stream)

    async def first(self, keys: str, at: int) -> Row[R] | None:
        """Of the keys that match, the one that was written first from revision `at` on. What nobody can read is passed
        over, and so are keys that were deleted."""
        while (found := await self._bus.first(self._stream, self._prefix + keys, at)) is not None:
            entry = self._entry(found)
            if entry is not None and entry[1] is not None:
                return Row(entry[0], entry[1], found.sequence)
            at = found.sequence + 1
        return None

    async def forget(self, keys: str) -> None:
        """Take away all that match, without a mark that they were there: no `follow` hears of it."""
        await self._bus.purge(self._stream, self._prefix + keys, await self.newest())

    async def delete(self, key: str, revision: int | None = None) -> None:
        """With `revision`: only if that is still the last; raises Stale where it is not."""
        await self._bus.store(self._prefix + key, None, expect_last=revision)

    async def items(self, keys: str = ">") -> dict[str, R]:
        """All keys that match, with their values. One read for each: for start-up, not for a hot path. A key that is
        written meanwhile moves to the end, and is read there."""
        found = await self._bus.read(self._stream, self._prefix + keys, 1, END_OF_STREAM)
        entries = dict(entry for entry in map(self._entry, found) if entry is not None)
        return {key: value for key, value in entries.items() if value is not None}

    async def follow(self, receive: Callable[[str, R | None], None]) -> None:
        """Call `receive(key, value)` for all that is there and each change, for ever; None: deleted.

        Keys that expire by their TTL go without a word.
        """
        await self.follow_stamped(lambda key, value, _: receive(key, value))

    async def follow_stamped(self, receive: Callable[[str, R | None, float], None]) -> None:
        """The same, with the server's stamp of each change: seconds since the epoch."""

        def take(found: Delivered) -> None:
            if (entry := self._entry(found)) is not None:
                self._deleted.pop(entry[0], None)
                if entry[1] is None:
                    self._deleted[entry[0]] = found.sequence
                    if len(self._deleted) > MOST_DELETED:
                        del self._deleted[next(iter(self._deleted))]
                receive(*entry, found.time)

        await self._bus.follow(self._stream, self._prefix + ">", 0, take)

    def _entry(self, found: Delivered) -> tuple[str, R | None] | None:
        """Key and value. What somebody put there by hand, or a later version wrote, must not stop those who watch."""
        key = found.subject.removeprefix(self._prefix)
        try:
            return key, decode(self._kind, found.data) if found.data else None
        except ProtocolViolation as error:
            if not newer.met("record", error):
                log.warning("a value that nobody can read", bucket=self._stream, key=key, error=str(error))
            return None
