"""All keys and tokens that there are, in memory: who shows one is known without a question to anybody.

The buckets `keys` and `tokens` hold hashes alone. Watches bring each change within milliseconds, to all ingresses; what
has expired is known by the clock. A token that was made with a key goes when the key goes.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from ingress.access.caller import Caller
from ingress.access.refusals import Unauthorized
from wire import keys, subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.records import KeyRecord, TokenRecord

WRONG = "this key is not known here, or is not valid any more: `dragoman keys list` shows those that are"


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token, which is kept nowhere. `expires`: seconds since the epoch."""

    text: str
    expires: float


class Keyring:
    """`clock`: seconds since the epoch."""

    def __init__(self, bus: Bus, clock: Callable[[], float] = time.time) -> None:
        self._keys_kv = Bucket(bus, subjects.KEYS_KV, KeyRecord)
        self._tokens_kv = Bucket(bus, subjects.TOKENS_KV, TokenRecord)
        self._clock = clock
        self._keys: dict[str, KeyRecord] = {}
        self._tokens: dict[str, TokenRecord] = {}

    async def load(self) -> None:
        """What there is before anybody is let in. Raises NatsUnavailable."""
        self._keys |= await self._keys_kv.items()
        self._tokens |= await self._tokens_kv.items()

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keys_kv.follow(self._key))
            group.create_task(self._tokens_kv.follow(self._token))

    @property
    def has_keys(self) -> bool:
        """Whether anybody ever made one: revoked ones count, or the last to be revoked would open the door to all."""
        return bool(self._keys)

    def caller(self, text: str) -> Caller:
        """Who shows this key or token. Raises Unauthorized."""
        shape = keys.shape_of(text)
        if shape is None:
            raise Unauthorized(f"this is no key of Dragoman's: one begins with {keys.KEY}_, and has three parts")
        if shape.kind == keys.KEY:
            key = self._keys.get(shape.id)
            if not _matches(text, key) or key is None or not self._is_good(key):
                raise Unauthorized(WRONG)
            return Caller(key.tenant, shape.id, until=key.expires, admin=key.admin)
        token = self._tokens.get(shape.id)
        if not _matches(text, token) or token is None or token.expires <= self._clock():
            raise Unauthorized("this token is not known here, or has expired: ask for a new one (POST /v1/tokens)")
        caller = Caller(token.tenant, token.key, token.room, token.expires, token.session, token.admin)
        if not self.holds(caller):
            raise Unauthorized(WRONG)
        return caller

    def holds(self, caller: Caller) -> bool:
        """Whether the key that let this caller in is good still. Who came without a key needs none."""
        if not keys.is_id(caller.key):
            return True
        key = self._keys.get(caller.key)
        return key is not None and self._is_good(key)

    async def mint(
        self,
        caller: Caller,
        seconds: float,
        *,
        kind: str = keys.TOKEN,
        room: str = "",
        session: str = "",
        admin: bool = False,
    ) -> Minted:
        """A token that stands for the caller's key; with `room` it lets into that room alone, and `session` is what it
        brings along. It is no operator's, unless that is asked for. Raises QueueFull, NatsUnavailable."""
        text, expires = keys.made(kind), self._clock() + seconds
        shape = keys.shape_of(text)
        assert shape is not None
        record = TokenRecord(
            hash=keys.hash_of(text), tenant=caller.tenant, expires=expires, room=room, key=caller.key, session=session,
            admin=admin and caller.admin,
        )  # fmt: skip
        await self._tokens_kv.create(shape.id, record, ttl=math.ceil(seconds))
        self._tokens[shape.id] = record
        return Minted(text, expires)

    def prune(self) -> None:
        """Tokens go from their bucket without a word."""
        now = self._clock()
        for gone in [id for id, token in self._tokens.items() if token.expires <= now]:
            del self._tokens[gone]

    def _is_good(self, key: KeyRecord) -> bool:
        return not key.revoked and (not key.expires or self._clock() < key.expires)

    def _key(self, id: str, record: KeyRecord | None) -> None:
        if record is None:
            self._keys.pop(id, None)
        else:
            self._keys[id] = record

    def _token(self, id: str, record: TokenRecord | None) -> None:
        if record is None:
            self._tokens.pop(id, None)
        else:
            self._tokens[id] = record


def _matches(text: str, record: KeyRecord | TokenRecord | None) -> bool:
    return hmac.compare_digest(keys.hash_of(text), record.hash if record is not None else "")
