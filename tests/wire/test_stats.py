from __future__ import annotations

from tests.inbox import Inbox, beside
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.messages import StatsAsked, StatsTold, decode
from wire.stats import answer

FIGURES = {'jobs_total{stage="asr"}': 3.0, "jobs_total": 4.0, "memory_bytes": 5.0}


async def test_what_is_asked_for_is_told_and_nothing_else(bus: Bus) -> None:
    heard, counted = Inbox(), []

    def samples() -> dict[str, float]:
        counted.append(1)
        return FIGURES

    async def answered() -> bool:
        await bus.publish(subjects.STATS_ASK, StatsAsked(names=["jobs_"]))  # whoever does not listen yet is asked again
        return {message.subject for message in heard} == {"stats.scheduler.one", "stats.node.two"}

    await bus.subscribe(subjects.STATS_ALL, heard)
    async with beside(answer(bus, "scheduler", "one", samples)), beside(answer(bus, "node", "two", samples)):
        await until(answered)
    assert len(counted) <= len(heard) + 2, "figures are made for who asks, and for nobody else"
    told: StatsTold = next(decode(StatsTold, each.data) for each in heard if each.subject == "stats.scheduler.one")
    assert (told.role, told.instance) == ("scheduler", "one")
    assert told.values == {'jobs_total{stage="asr"}': 3.0, "jobs_total": 4.0}
    assert told.at > 1.6e9
