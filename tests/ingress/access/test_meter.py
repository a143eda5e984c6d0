from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

import pytest

from ingress import endings
from ingress.access.caller import Caller
from ingress.access.meter import Meter
from ingress.access.refusals import OverLimit
from ingress.endings import Ending
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.records import TenantRecord, UsageRecord
from wire.usage import FORGET_S

ACME, OTHER = Caller("acme", "k1"), Caller("other", "k2")
NOON = 20_000 * 86_400 + 43_200.0


def nobody(ending: Ending) -> None:
    raise AssertionError(ending)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def meter(bus: Bus, clock: Clock) -> Meter:
    made = Meter(bus, "one-host-1", clock)
    limits = TenantRecord(sessions=2, requests=5, audio_minutes=1, bytes=100)
    await Bucket(bus, subjects.TENANTS_KV, TenantRecord).put("acme", limits)
    await made.load()
    return made


async def test_sessions_at_once(meter: Meter) -> None:
    with contextlib.ExitStack() as open_ones:
        for _ in range(2):
            open_ones.enter_context(meter.session(ACME, nobody))
        with pytest.raises(OverLimit, match="2 sessions") as caught, meter.session(ACME, nobody):
            raise AssertionError
        assert (caught.value.code, caught.value.retryable) == ("too_many_sessions", True)
        assert caught.value.retry_after > 0
        with meter.returning(ACME, nobody), meter.watching(ACME, nobody):  # who comes back, and who only listens
            pass
        with meter.session(OTHER, nobody):
            pass
    with meter.session(ACME, nobody):
        pass


async def test_requests_a_minute(meter: Meter, clock: Clock) -> None:
    left = [meter.request(ACME) for _ in range(5)]
    assert [each.remaining for each in left if each] == [4, 3, 2, 1, 0]
    clock.now += 15
    with pytest.raises(OverLimit) as caught:
        meter.request(ACME)
    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", 45)
    assert meter.request(OTHER) is None
    with pytest.raises(OverLimit), meter.session(ACME, nobody):  # which is a request, too
        raise AssertionError
    clock.now += 45
    assert meter.request(ACME) is not None


async def test_audio_and_bytes_a_day_are_refused_before_they_are_taken(meter: Meter, clock: Clock) -> None:
    meter.audio(ACME, 59)
    with pytest.raises(OverLimit) as caught:
        meter.audio(ACME, 1.5)
    assert (caught.value.code, caught.value.retry_after) == ("quota_exceeded", 43_200)
    meter.audio(ACME, 1)  # what was refused was not counted
    meter.bytes(ACME, 100)
    with pytest.raises(OverLimit, match="100 bytes"):
        meter.bytes(ACME, 1)
    clock.now += 43_200
    meter.bytes(ACME, 100)
    meter.audio(ACME, 60)
    for _ in range(3):
        meter.audio(OTHER, 1e6)
        meter.bytes(OTHER, 10**12)


@contextlib.asynccontextmanager
async def following(meter: Meter) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        running = group.create_task(meter.run())
        yield
        running.cancel()


async def test_several_ingresses_count_together(bus: Bus, meter: Meter, clock: Clock) -> None:
    other = Meter(bus, "two", clock)
    await other.load()
    async with following(meter), following(other):
        with meter.session(ACME, nobody), meter.session(ACME, nobody):
            meter.audio(ACME, 50)

            async def known() -> bool:
                return other._sessions("acme") == 2

            await until(known, 5)
            with pytest.raises(OverLimit), other.session(ACME, nobody):
                raise AssertionError
            with pytest.raises(OverLimit) as caught:
                other.audio(ACME, 11)
            assert caught.value.code == "quota_exceeded"

        async def free() -> bool:
            return other._sessions("acme") == 0

        await until(free, 5)


async def test_limits_that_change_hold_at_once(bus: Bus, meter: Meter) -> None:
    async with following(meter):
        await Bucket(bus, subjects.TENANTS_KV, TenantRecord).put("other", TenantRecord(bytes=5))

        async def refused() -> bool:
            with contextlib.suppress(OverLimit):
                meter.bytes(OTHER, 6)
                return False
            return True

        await until(refused, 5)
        await Bucket(bus, subjects.TENANTS_KV, TenantRecord).delete("other")

        async def taken() -> bool:
            return not await refused()

        await until(taken, 5)


async def test_the_sessions_of_an_ingress_that_died_are_forgotten(
    bus: Bus, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = UsageRecord(sessions=2, minute=0, requests=0, day=int(NOON // 86_400), audio_s=30, bytes=0)
    await Bucket(bus, subjects.USAGE_KV, UsageRecord).put("acme.dead", dead)
    await meter.load()
    with pytest.raises(OverLimit), meter.session(ACME, nobody):
        raise AssertionError
    now = itertools.repeat(asyncio.get_running_loop().time() + FORGET_S + 1)
    monkeypatch.setattr("ingress.access.meter.time.monotonic", lambda: next(now))
    with meter.session(ACME, nobody):
        pass
    with pytest.raises(OverLimit):  # but what they heard today counts
        meter.audio(ACME, 31)


async def test_what_died_on_another_day_is_forgotten(
    bus: Bus, meter: Meter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, day in (("dead", clock.now // 86_400 - 1), ("today", clock.now // 86_400)):
        used = UsageRecord(sessions=0, minute=0, requests=0, day=int(day), audio_s=1, bytes=0)
        await Bucket(bus, subjects.USAGE_KV, UsageRecord).put(f"acme.{name}", used)
    await meter.load()
    meter._forget()
    assert set(meter._others["acme"]) == {"dead", "today"}
    later = asyncio.get_running_loop().time() + FORGET_S + 1
    monkeypatch.setattr("ingress.access.meter.time.monotonic", lambda: later)
    meter._forget()
    assert set(meter._others["acme"]) == {"today"}


async def test_what_runs_under_a_revoked_key_is_ended(meter: Meter) -> None:
    ended: list[Ending] = []
    with meter.session(ACME, ended.append), meter.watching(ACME, ended.append), meter.session(OTHER, nobody):
        meter.revoke(lambda caller: caller.key != "k1")
    assert ended == [endings.REVOKED] * 2
    meter.revoke(lambda caller: False)  # nobody is there any more
