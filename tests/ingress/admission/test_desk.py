"""The desk over real NATS, with a leader that says what a test wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack

import pytest

from ingress import endings
from ingress.access.refusals import NoRoom
from ingress.admission import desk as desk_module
from ingress.admission.desk import Desk, Turn
from ingress.endings import Ending
from tests.ingress.admission.leader import Leader, leading
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.env import IngressSettings
from wire.errors import NoScheduler
from wire.kv import Bucket
from wire.protocol import QueueStatus
from wire.records import Held, LineRecord, SchedulerRecord

ONE = Held(sessions=1)


class Waiter:
    def __init__(self) -> None:
        self.told: list[QueueStatus] = []
        self.ended: list[Ending] = []
        self.is_in = asyncio.Event()

    async def tell(self, status: QueueStatus) -> None:
        self.told.append(status)

    def come_in(self) -> None:
        self.is_in.set()

    @property
    def end(self) -> Callable[[Ending], None]:
        return self.ended.append

    @property
    def place(self) -> int:
        return self.told[-1].position if self.told else 0


@contextlib.asynccontextmanager
async def open_desk(bus: Bus, name: str, **settings: int) -> AsyncIterator[Desk]:
    made = Desk(IngressSettings(**settings), bus, name)  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as group:
        running = group.create_task(made.run())
        yield made
        running.cancel()


async def holds(condition: Callable[[], bool], patience: float = 10) -> None:
    async def look() -> bool:
        return condition()

    await until(look, patience)


@pytest.fixture
async def leader(bus: Bus) -> AsyncIterator[Leader]:
    async with leading(bus) as made:
        made.room = 2
        yield made


@pytest.fixture
async def desk(bus: Bus, leader: Leader) -> AsyncIterator[Desk]:
    async with open_desk(bus, "me", max_waiting=3) as made:
        await holds(lambda: made.book.has_room(ONE, asyncio.get_running_loop().time()))
        yield made


def come(place: ExitStack, desk: Desk, tenant: str = "a", size: Held = ONE) -> tuple[Turn, Waiter]:
    waiter = Waiter()
    return place.enter_context(desk.queue(tenant, size, waiter)), waiter


async def test_some_come_in_and_some_wait_and_are_told_their_places(desk: Desk, leader: Leader) -> None:
    leader.a_minute = 30.0
    await leader.give(2)
    with ExitStack() as place:
        turns = [come(place, desk) for _ in range(5)]
        assert [turn.is_in for turn, _ in turns] == [True, True, False, False, False]
        await holds(lambda: [waiter.place for _, waiter in turns] == [0, 0, 1, 2, 3])
        assert turns[4][1].told[0] == QueueStatus(position=3, ahead=2, eta_s=6.0)
        await leader.until(lambda: len(leader.lines["me"].waiting) == 3)
        assert leader.lines["me"].held == {"a": Held(sessions=2)}
        await holds(lambda: len(turns[4][1].told) >= 3)  # each second
        assert not turns[0][1].told


async def test_who_leaves_makes_room_for_the_next(desk: Desk) -> None:
    with ExitStack() as place:
        with ExitStack() as two:
            come(two, desk)
            come(two, desk)
            (first, first_waiter), (_, second_waiter), (third, third_waiter) = (come(place, desk) for _ in range(3))
            await holds(lambda: third_waiter.place == 3)
        await asyncio.wait_for(first_waiter.is_in.wait(), 5)
        await asyncio.wait_for(second_waiter.is_in.wait(), 5)
        assert first.is_in
        await holds(lambda: third_waiter.place == 1)
        assert not third.is_in


async def test_who_gives_up_is_forgotten(desk: Desk, leader: Leader) -> None:
    with ExitStack() as place:
        come(place, desk)
        come(place, desk)
        with ExitStack() as impatient:
            come(impatient, desk)
            _, waiter = come(place, desk)
            await holds(lambda: waiter.place == 2)
        await holds(lambda: waiter.place == 1)
    await leader.until(lambda: not leader.lines["me"].waiting and not leader.lines["me"].held)


async def test_the_line_is_bounded(desk: Desk) -> None:
    desk.check("a")
    with ExitStack() as place:
        for _ in range(5):
            come(place, desk)
        with pytest.raises(NoRoom, match="3 wait") as full:
            come(place, desk)
        assert (full.value.code, full.value.retry_after) == ("full", 5)
        with pytest.raises(NoRoom):
            desk.check("a")
        desk.check("b")
        come(place, desk, "b")
        with pytest.raises(NoRoom):
            come(place, desk, "b")
    desk.check("a")


async def test_those_who_cannot_be_told_to_wait_come_in_soon_or_not_at_all(
    desk: Desk, leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "SOON_S", 0.3)
    with ExitStack() as place:
        async with desk.soon("a", ONE) as turn:
            assert turn.is_in
            come(place, desk)
            come(place, desk)
            with pytest.raises(NoRoom):
                async with desk.soon("a", ONE):
                    pass
        await leader.until(lambda: len(leader.lines["me"].waiting) < 2)
    async with desk.soon("a", ONE):
        pass


async def test_room_that_comes_in_a_moment_is_waited_for(desk: Desk, leader: Leader) -> None:
    await leader.give(0)
    async with asyncio.TaskGroup() as group:

        async def come_soon() -> None:
            async with desk.soon("a", ONE) as turn:
                assert turn.is_in

        group.create_task(come_soon())
        await leader.until(lambda: len(leader.lines["me"].waiting) == 1)
        await leader.give(3)
    await leader.until(lambda: leader.lines["me"].held == {})


async def test_who_comes_back_is_in_though_there_is_no_room(desk: Desk, leader: Leader) -> None:
    with ExitStack() as place:
        for _ in range(3):
            assert place.enter_context(desk.returning("a", ONE)).is_in
        await leader.until(lambda: leader.lines["me"].held == {"a": Held(sessions=3)})
        assert not come(place, desk)[0].is_in


async def test_what_a_session_asks_for_is_counted_as_it_changes(desk: Desk, leader: Leader) -> None:
    with ExitStack() as place:
        turn, _ = come(place, desk)
        turn.change(Held(sessions=1, targets=2, spoken=1))
        await leader.until(lambda: leader.lines["me"].held == {"a": Held(sessions=1, targets=2, spoken=1)})
        turn.change(ONE)
        await leader.until(lambda: leader.lines["me"].held == {"a": ONE})


async def test_places_are_counted_over_all_ingresses(bus: Bus, desk: Desk, leader: Leader) -> None:
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(open_desk(bus, "other", max_waiting=3))
        await leader.until(lambda: set(leader.lines) == {"me", "other"})
        await leader.give(0)
        place = stack.enter_context(ExitStack())
        _, first = come(place, desk)
        _, second = come(place, other)
        _, of_b = come(place, desk, "b")
        await holds(lambda: (first.place, of_b.place, second.place) == (1, 2, 3))
        with pytest.raises(NoRoom):
            other.check("a")


async def test_where_no_scheduler_says_anything_nobody_waits_for_ever(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "PATIENCE_S", 0.3)
    async with open_desk(bus, "me") as desk:
        with ExitStack() as place:
            _, waiter = come(place, desk)
            await holds(lambda: waiter.ended[:1] == [endings.NO_SCHEDULER])
        with pytest.raises(NoScheduler):
            async with desk.soon("a", ONE):
                pass


async def test_schedulers_that_know_of_no_line_let_all_in(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "UNRULED_S", 0.2)
    async with open_desk(bus, "me") as desk:
        with ExitStack() as place:
            _, waiter = come(place, desk)
            beats = Bucket(bus, subjects.SCHEDULERS_KV, SchedulerRecord)
            await beats.put("s", SchedulerRecord(instance="s", partitions=64, sessions=0, version="0"))
            await asyncio.wait_for(waiter.is_in.wait(), 5)
        async with desk.soon("a", ONE):
            pass


async def test_those_who_wait_are_told_when_all_schedulers_have_gone(
    bus: Bus, desk: Desk, leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "PATIENCE_S", 0.1)
    monkeypatch.setattr(desk_module, "SILENT_S", 1.5)
    await leader.give(0)
    beats = Bucket(bus, subjects.SCHEDULERS_KV, SchedulerRecord)
    with ExitStack() as place:
        _, waiter = come(place, desk)
        for _ in range(3):  # while one is there, they wait
            count = len(waiter.told)
            await beats.put("s", SchedulerRecord(instance="s", partitions=64, sessions=0, version="0"))
            await holds(lambda: len(waiter.told) > count)  # noqa: B023
        assert not waiter.ended
        await holds(lambda: waiter.ended[:1] == [endings.NO_SCHEDULER])


async def test_who_slept_does_not_take_the_others_for_dead(
    desk: Desk, leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leader.give(0)
    with ExitStack() as place:
        turn, waiter = come(place, desk)
        await holds(lambda: len(waiter.told) > 0)
        slept_s = 2 * desk_module.SILENT_S
        for since in ("_beat_at", "_sent_away_at"):
            setattr(desk, since, getattr(desk, since) - slept_s)
        turn.since -= slept_s
        count = len(waiter.told)
        await holds(lambda: len(waiter.told) > count + 1)
        assert not waiter.ended


async def test_what_is_said_of_room_and_cannot_be_read_is_let_be(bus: Bus) -> None:
    await bus.store(f"$KV.{subjects.ADMISSION_KV}.default", b'{"type":"AdmissionRecord@2"}')
    lines = Bucket(bus, subjects.LINES_KV, LineRecord)

    async def is_there() -> bool:
        return await lines.get(subjects.line_key("default", "me")) is not None

    async with open_desk(bus, "me") as desk:
        await until(is_there)
        await holds(lambda: not desk.book.lapsed(asyncio.get_running_loop().time()))


async def test_who_was_not_heard_of_for_long_asks_anew_before_anybody_comes_in(
    server: NatsServer, bus: Bus, desk: Desk, leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as place:
        come(place, desk)
        desk.book.told(-100.0)
        turn, waiter = come(place, desk)
        assert not turn.is_in
        await asyncio.wait_for(waiter.is_in.wait(), 5)


async def test_what_is_said_is_said_at_a_pace(desk: Desk, leader: Leader) -> None:
    before = leader.writes
    with ExitStack() as place:
        for _ in range(5):
            come(place, desk)
        for _ in range(200):
            with ExitStack() as passing, contextlib.suppress(NoRoom):
                come(passing, desk)
        await leader.until(lambda: len(leader.lines["me"].waiting) == 3)
    assert leader.writes - before <= 5


async def test_an_ingress_that_goes_leaves_its_room_at_once(bus: Bus, desk: Desk, leader: Leader) -> None:
    lines = Bucket(bus, subjects.LINES_KV, LineRecord)
    assert await lines.get(subjects.line_key("default", "me")) is not None
    await desk.farewell()
    await leader.until(lambda: "me" not in leader.lines)
