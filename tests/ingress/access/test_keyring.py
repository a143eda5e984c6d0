from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from ingress.access.caller import Caller
from ingress.access.claims import BY_JWT
from ingress.access.keyring import Keyring
from ingress.access.refusals import Unauthorized
from tests.waiting import until
from wire import keys, subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.records import KeyRecord, TokenRecord

NOW = 1_000_000.0


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def given(bus: Bus, tenant: str, **fields: object) -> str:
    """A key that somebody made."""
    text = keys.made(keys.KEY)
    shape = keys.shape_of(text)
    assert shape is not None
    record = KeyRecord(hash=keys.hash_of(text), tenant=tenant, name="test", created=NOW, **fields)  # type: ignore[arg-type]
    await Bucket(bus, subjects.KEYS_KV, KeyRecord).put(shape.id, record)
    return text


def id_of(text: str) -> str:
    shape = keys.shape_of(text)
    assert shape is not None
    return shape.id


async def revoke(bus: Bus, text: str) -> None:
    bucket = Bucket(bus, subjects.KEYS_KV, KeyRecord)
    found = await bucket.get(id_of(text))
    assert found is not None
    await bucket.put(id_of(text), msgspec.structs.replace(found, revoked=True))


@contextlib.asynccontextmanager
async def following(ring: Keyring) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        running = group.create_task(ring.run())
        yield
        running.cancel()


async def test_a_key_is_its_tenants_and_only_the_hash_is_kept(bus: Bus, clock: Clock) -> None:
    text = await given(bus, "acme")
    ring = Keyring(bus, clock)
    await ring.load()
    assert ring.has_keys
    assert ring.caller(text) == Caller("acme", id_of(text))
    stored = await bus.last("KV_" + subjects.KEYS_KV, f"$KV.{subjects.KEYS_KV}.{id_of(text)}")
    assert stored is not None
    assert text.rsplit("_", 1)[1].encode() not in stored.data
    assert keys.hash_of(text).encode() in stored.data


async def test_wrong_keys_are_refused_alike(bus: Bus, clock: Clock) -> None:
    text = await given(bus, "acme")
    ring = Keyring(bus, clock)
    await ring.load()
    told = set()
    for wrong in (keys.made(keys.KEY), text[:-1] + ("A" if text[-1] != "A" else "B"), await given(bus, "late")):
        with pytest.raises(Unauthorized) as caught:
            ring.caller(wrong)
        told.add(str(caught.value))
    assert len(told) == 1
    for other in ("", "dgm", "sk-1", text + "x", text.upper()):
        with pytest.raises(Unauthorized, match="dgm_"):
            ring.caller(other)


async def test_expired_and_revoked_keys_stop_at_once_and_their_tokens_too(bus: Bus, clock: Clock) -> None:
    expiring, revoked = await given(bus, "acme", expires=NOW + 10), await given(bus, "acme")
    ring = Keyring(bus, clock)
    await ring.load()
    callers = [ring.caller(expiring), ring.caller(revoked)]
    tokens = [(await ring.mint(each, 600)).text for each in callers]
    assert [ring.caller(each).key for each in tokens] == [id_of(expiring), id_of(revoked)]
    async with following(ring):
        await revoke(bus, revoked)

        async def gone() -> bool:
            return not ring.holds(callers[1])

        await until(gone, 1)
        for each in (revoked, tokens[1]):
            with pytest.raises(Unauthorized):
                ring.caller(each)
        assert ring.holds(callers[0])
        clock.now += 10
        assert not ring.holds(callers[0])
        for each in (expiring, tokens[0]):
            with pytest.raises(Unauthorized):
                ring.caller(each)
    assert ring.has_keys, "or the last that is revoked would open the door"


async def test_a_key_made_later_is_known_to_all_ingresses(bus: Bus, clock: Clock) -> None:
    one, other = Keyring(bus, clock), Keyring(bus, clock)
    async with following(one), following(other):
        text = await given(bus, "acme")

        async def known() -> bool:
            return one.has_keys and other.has_keys

        await until(known, 1)
        token = await one.mint(one.caller(text), 60, kind=keys.CLIENT_SECRET, room="K7MQ3RTX")

        async def taken() -> bool:
            with contextlib.suppress(Unauthorized):
                return other.caller(token.text) == Caller("acme", id_of(text), "K7MQ3RTX", NOW + 60)
            return False

        await until(taken, 1)
        assert token.text.startswith("ek_")


async def test_a_token_ends_by_the_clock_and_goes_from_its_bucket(bus: Bus, clock: Clock) -> None:
    ring = Keyring(bus, clock)
    token = await ring.mint(Caller("acme"), 1)
    bucket = Bucket(bus, subjects.TOKENS_KV, TokenRecord)
    assert (await bucket.get(id_of(token.text))) == TokenRecord(
        hash=keys.hash_of(token.text), tenant="acme", expires=NOW + 1
    )
    assert ring.caller(token.text).tenant == "acme"
    clock.now += 1
    with pytest.raises(Unauthorized, match="expired"):
        ring.caller(token.text)
    ring.prune()
    assert not ring._tokens

    async def gone() -> bool:
        return await bucket.get(id_of(token.text)) is None

    await until(gone, 5)


async def test_who_came_without_a_key_holds_none(bus: Bus) -> None:
    ring = Keyring(bus)
    assert ring.holds(Caller())
    assert ring.holds(Caller("acme", BY_JWT))
    assert not ring.holds(Caller("acme", "a" * keys.ID_LENGTH))


async def test_an_operators_token_is_asked_for_and_needs_an_operators_key(bus: Bus, clock: Clock) -> None:
    ring = Keyring(bus, clock)
    operator, other = await given(bus, "ours", admin=True), await given(bus, "ours")
    await ring.load()
    assert ring.caller(operator).admin
    assert not ring.caller(other).admin
    for key, asked, admin in ((operator, False, False), (operator, True, True), (other, True, False)):
        made = await ring.mint(ring.caller(key), 60, admin=asked)
        assert ring.caller(made.text).admin is admin
