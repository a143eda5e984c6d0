from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from node_runtime.claims import Claims, Verdict
from tests.node_runtime.conftest import bind, bindings, job
from wire import subjects
from wire.bus import Bus
from wire.jobs import Job
from wire.messages import ClientSeen

WORK = job("s", 1, b"", attempt=2)


async def claim(claims: Claims, work: Job, deliveries: int = 1, slot: int = 0) -> Verdict:
    return await claims.claim(await claims.look(work), work, deliveries, slot)


async def test_who_begins_writes_so(bus: Bus) -> None:
    await bind(bus, WORK)
    assert await claim(Claims(bus, "n1"), WORK, slot=3) == "run"
    bound = await bindings(bus).get("s.1")
    assert bound is not None
    assert (bound.state, bound.node, bound.slot, bound.attempt) == ("started", "n1", 3, 2)


@pytest.mark.parametrize("round_", range(5))
async def test_of_many_that_try_at_once_one_runs_it(bus: Bus, round_: int) -> None:
    await bind(bus, WORK)
    verdicts = await asyncio.gather(*(claim(Claims(bus, f"n{number}"), WORK) for number in range(8)))
    assert Counter(verdicts) == {"run": 1, "elsewhere": 7}


@pytest.mark.parametrize(
    ("bound", "state", "node", "deliveries", "verdict"),
    [
        (3, "sent", "", 1, "superseded"),
        (3, "started", "n2", 2, "superseded"),
        (2, "started", "n2", 1, "elsewhere"),
        (2, "started", "n2", 2, "run"),  # n2 died or fell silent
        (2, "started", "n1", 1, "run"),  # an earlier life of this node
        (2, "sent", "n2", 1, "run"),  # n2 did not begin in time
        (1, "started", "n2", 1, "run"),  # the binding is behind
    ],
)
async def test_what_the_binding_says(
    bus: Bus, bound: int, state: str, node: str, deliveries: int, verdict: Verdict
) -> None:
    await bind(bus, job("s", 1, b"", attempt=bound), node=node, state=state)
    claims = Claims(bus, "n1")
    assert claims.judge(await claims.look(WORK), WORK, deliveries) == verdict
    assert await claim(claims, WORK, deliveries) == verdict


async def test_without_a_binding_it_is_run(bus: Bus) -> None:
    assert await claim(Claims(bus, "n1"), WORK) == "run"
    assert await bindings(bus).get("s.1") is None
    await bus.store("$KV.bindings.s.1", ClientSeen())  # nobody can read it
    assert await claim(Claims(bus, "n1"), WORK) == "run"


async def test_what_runs_here_is_not_run_here_again(bus: Bus) -> None:
    await bind(bus, WORK)
    claims = Claims(bus, "n1")
    assert await claim(claims, WORK) == "run"
    assert await claim(claims, WORK, deliveries=2) == "elsewhere"
    claims.finished(WORK)
    assert await claim(claims, WORK, deliveries=2) == "run"


async def test_the_slot_that_was_reserved_here(bus: Bus) -> None:
    claims = Claims(bus, "n1")
    assert claims.reserved(await claims.look(WORK), WORK) is None
    await bind(bus, WORK, node="n1", slot=2)
    found = await claims.look(WORK)
    assert claims.reserved(found, WORK) == 2
    assert claims.reserved(found, job("s", 1, b"", attempt=1)) is None
    await bind(bus, WORK, node="n2", slot=2)
    assert claims.reserved(await claims.look(WORK), WORK) is None
    assert subjects.binding_key("s", 1) == "s.1"
