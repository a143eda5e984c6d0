"""Schedulers die, leave, or sleep while others take what they owned."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bench import faults
from bench.drill import Drill
from bench.fleet import Member
from tests.system.faults.check import survived
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def logged(member: Member) -> list[dict[str, Any]]:
    return [json.loads(line) for line in member.log.read_text().splitlines() if line.startswith("{")]


async def test_a_killed_schedulers_sessions_are_taken_over(drill: Drill) -> None:
    await survived(drill, "scheduler killed", lambda: faults.killed(drill.fleet["scheduler-1"]), 2.0)


async def test_a_rolling_update_hands_over_at_once(drill: Drill) -> None:
    await survived(drill, "scheduler restarted", lambda: faults.restarted(drill.fleet["scheduler-2"]))
    assert any(line["event"] == "stopped" for line in logged(drill.fleet["scheduler-2"]))


async def test_a_sleeper_that_wakes_up_owns_nothing_and_does_nothing(drill: Drill) -> None:
    """Its leases are taken while it sleeps. It wakes up with commands half carried out, and must carry out none."""
    sleeper = drill.fleet["scheduler-1"]

    async def replaced() -> bool:
        owners = (await drill.fleet.owners()).values()
        return sleeper.instance not in owners and len(owners) == 64

    @asynccontextmanager
    async def asleep() -> AsyncIterator[None]:
        async with faults.paused(sleeper):
            await until(replaced)
            yield

    before = len(logged(sleeper))
    await survived(drill, "scheduler paused until it was replaced", asleep)
    after = [line["event"] for line in logged(sleeper)[before:]]
    assert after.count("a partition is lost") >= 1, after
