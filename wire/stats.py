"""Figures that are told while somebody looks, and cost nothing while nobody does.

Whoever shows a fleet asks on `stats.ask` for the figures that it wants, by how their names begin, and each process
answers for itself on `stats.<role>.<instance>`. Both are plain messages: an answer that is lost comes with the next.
Several who ask at once are answered together, no more often than each ANSWER_EVERY_S.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from importlib import metadata

from wire import subjects
from wire.bus import Bus, Delivered
from wire.messages import StatsAsked, StatsTold, decode

ANSWER_EVERY_S = 0.25

Samples = Callable[[], Mapping[str, float]]
"""All figures of this process, as `name{label="value"}`."""


async def answer(bus: Bus, role: str, instance: str, samples: Samples) -> None:
    """For ever: tell whoever asks. `instance` names this process among others of its role."""
    where = subjects.stats(role, instance)
    version = metadata.version("dragoman")
    wanted: set[str] = set()
    asked = asyncio.Event()

    def take(message: Delivered) -> None:
        wanted.update(decode(StatsAsked, message.data).names)
        asked.set()

    await bus.subscribe(subjects.STATS_ASK, take)
    while True:
        await asked.wait()
        asked.clear()
        names = tuple(wanted)
        wanted.clear()
        values = {name: value for name, value in samples().items() if name.startswith(names)}
        told = StatsTold(role=role, instance=instance, version=version, at=round(time.time(), 3), values=values)
        await bus.publish(where, told)
        await asyncio.sleep(ANSWER_EVERY_S)
