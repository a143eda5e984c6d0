from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
import pytest

from ingress import downlink, endings, shared
from ingress.connection import Connection
from ingress.endings import Ending
from ingress.shared import Ingress
from ingress.vad import SpeechModel
from tests.ingress.client import connected
from tests.ingress.stand_in import NODE, Actor
from wire.bus import Bus
from wire.env import IngressSettings
from wire.fleet import FleetView


class Switch:
    """A bus as far as `connected` goes."""

    connected = True


@pytest.fixture
def ingress(model: SpeechModel) -> Ingress:
    made = Ingress(IngressSettings(max_sessions=2), cast(Bus, Switch()), FleetView(), model)
    made.fleet.apply("n1", NODE)
    return made


def test_reasons_why_no_session_can_be_opened(ingress: Ingress) -> None:
    assert ingress.unready() is None
    ingress.feed.sessions.update(cast(dict[str, Any], {"a": None, "b": None}))
    assert ingress.unready() is endings.FULL
    ingress.fleet.apply("n1", msgspec.structs.replace(NODE, ready=False))
    assert ingress.unready() is endings.NO_NODE
    ingress.bus.connected = False  # type: ignore[misc]
    assert ingress.unready() is endings.NO_NATS
    ingress.stopping = True
    assert ingress.unready() is endings.STOPPING


def test_a_node_of_another_pool_does_not_count(ingress: Ingress) -> None:
    ingress.fleet.apply("n1", msgspec.structs.replace(NODE, pools=["gpu"]))
    assert ingress.unready() is endings.NO_NODE


def test_nats_may_be_away_for_a_while(ingress: Ingress) -> None:
    assert not ingress.nats_is_gone(1000)
    ingress.bus.connected = False  # type: ignore[misc]
    assert not ingress.nats_is_gone(1000 + shared.NATS_PATIENCE_S)
    assert ingress.nats_is_gone(1001 + shared.NATS_PATIENCE_S)
    ingress.bus.connected = True  # type: ignore[misc]
    assert not ingress.nats_is_gone(2000)


class Guest:
    def __init__(self) -> None:
        self.told: list[Ending] = []

    def end(self, ending: Ending) -> None:
        self.told.append(ending)


async def test_stop_waits_until_all_have_gone_but_not_for_ever(ingress: Ingress) -> None:
    guests = [cast(Connection, Guest()) for _ in range(2)]
    ingress.connections.update(guests)
    asyncio.get_running_loop().call_soon(ingress.forget, guests[0])
    asyncio.get_running_loop().call_later(0.05, ingress.forget, guests[1])
    async with asyncio.timeout(5):
        await ingress.stop(60)
    assert [cast(Guest, guest).told for guest in guests] == [[endings.STOPPING]] * 2
    ingress.connections.add(guests[0])
    async with asyncio.timeout(5):
        await ingress.stop(0.05)


async def test_a_client_that_is_held_back_is_told_that_somebody_is_there(
    url: str, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downlink, "ALIVE_S", 0.2)
    monkeypatch.setattr(shared, "BEAT_S", 0.05)
    async with connected(url) as client:
        actor.deaf.add((await client.start())["session"])
        await client.audio(bytes(31 * 32_000), 32_000)  # more than may be unacknowledged: it is not read
        client.events.clear()
        async with asyncio.timeout(5):
            while [each["type"] for each in client.events].count("session.alive") < 3:
                await client.more()
