from __future__ import annotations

import asyncio

import pytest

from ingress.admin import board as module
from ingress.admin.board import Board
from tests.inbox import beside
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.errors import Unavailable
from wire.messages import StatsTold


async def test_it_ends_when_nobody_looks_and_begins_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER_S", 0.1)
    monkeypatch.setattr(module, "TICK_S", 0.2)
    monkeypatch.setattr(module, "GATHER_S", 0.1)
    asked: list[str] = []
    await bus.subscribe(subjects.STATS_ASK, lambda message: asked.append(message.subject))
    board = Board(bus, "i1")
    async with beside(board.run()):
        assert board.number == 0
        first = await board.after(0)
        assert b'"ingress":"i1"' in first

        async def ended() -> bool:
            return board.number == 0

        await until(ended)
        before = len(asked)
        with board.watching():
            await board.after(0)
            await board.after(1)
        await until(ended)
    assert len(asked) >= before + 2
    assert len(board.history.at) == len(asked)


async def test_it_outlives_the_server(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHER_S", 0.05)
    board = Board(bus, "i1")
    away = True
    real = bus.holds

    async def holds(stream: str) -> int:
        nonlocal away
        if away:
            away = False
            raise Unavailable("away")
        return await real(stream)

    monkeypatch.setattr(bus, "holds", holds)
    async with beside(board.run()):
        assert await board.after(0)
    assert not away


async def test_who_answers_in_anothers_name_is_not_heard(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHER_S", 0.2)

    async def answer() -> None:
        for name, told in (("n1", "n1"), ("n2", "n3")):
            figures = StatsTold(role="node", instance=told, version="1", at=1.0, values={})
            await bus.publish(subjects.stats("node", name), figures)

    asked = asyncio.Event()
    await bus.subscribe(subjects.STATS_ASK, lambda message: asked.set())
    board = Board(bus, "i1")
    async with beside(board.run()):
        board.look()
        await asked.wait()
        await answer()
        assert b'"instance":"n1"' in await board.after(0)
        assert b'"instance":"n3"' not in board.newest
