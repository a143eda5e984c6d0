from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ingress.access import Caller, OverLimit
from ingress.endings import REVOKED
from ingress.openai.sessions import begun, check_end
from ingress.recital import RecitalBroken
from ingress.shared import Ingress
from ingress.vad import SpeechModel
from ingress.wishes import Wishes
from tests.ingress.admission.leader import open_to_all
from tests.ingress.stand_in import NODE, Actor
from wire.bus import Bus
from wire.env import IngressSettings
from wire.fleet import FleetView
from wire.protocol import SessionClosed
from wire.records import TenantRecord

CALLER = Caller(tenant="acme", key="k1")


@pytest.fixture
async def ingress(bus: Bus, actor: Actor, model: SpeechModel) -> AsyncIterator[Ingress]:
    made = Ingress(IngressSettings(), bus, FleetView(), model)
    made.fleet.apply("n1", NODE)
    open_to_all(made.desk)
    await made.feed.start()
    yield made
    assert not made.connections
    assert not made.meter.places


async def test_a_session_is_its_tenants_and_is_counted_once(ingress: Ingress, actor: Actor) -> None:
    ingress.meter._limits["acme"] = TenantRecord(sessions=1, requests=0)
    async with begun(ingress, CALLER, Wishes(source="en")):
        assert actor.only()[1].opened.tenant == "acme"
        with pytest.raises(OverLimit):
            async with begun(ingress, CALLER, Wishes(source="en")):
                pass
    record = ingress.meter._mine["acme"].record()
    assert (record.sessions, record.requests) == (0, 0)


async def test_a_key_that_is_revoked_ends_it(ingress: Ingress) -> None:
    async def session() -> None:
        async with begun(ingress, CALLER, Wishes(source="en")) as recital:
            ingress.meter.revoke(lambda caller: caller.key != "k1")
            async for _ in recital:
                pass

    with pytest.raises(RecitalBroken) as caught:
        await session()
    assert REVOKED.error is not None
    assert caught.value.code == REVOKED.error.code


def test_only_an_end_that_was_asked_for_is_one() -> None:
    check_end(SessionClosed(reason="client", utterances=1))
    with pytest.raises(RecitalBroken, match="operator"):
        check_end(SessionClosed(reason="operator", utterances=1))
