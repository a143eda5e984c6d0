"""The same check after every fault."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bench.drill import Drill, Fault, Report
from bench.fleet import Member

Hits = Callable[[Member], AbstractAsyncContextManager[None]]


async def survived(drill: Drill, name: str, fault: Fault, hold_s: float = 0.0) -> Report:
    """Six people speak while this happens: every utterance comes once, in order, whole, and nothing is left over."""
    report = await drill.run(fault, hold_s=hold_s)
    print(report.line(name))
    assert not report.notes, report.line(name)
    assert report.clean, report.settling
    assert report.utterances >= 6 * len(drill.script.spans)
    return report


def on(hits: Hits, chosen: Callable[[], Awaitable[Member]]) -> Fault:
    """The fault on a process that is chosen in the moment when it happens."""

    @asynccontextmanager
    async def fault() -> AsyncIterator[None]:
        async with hits(await chosen()):
            yield

    return fault
