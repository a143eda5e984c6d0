"""What is done to a fleet: one function for each kind of run but chaos. Each returns its phases, judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bench import faults
from bench.load import judging
from bench.load.crew import Gang, at_work
from bench.load.judging import Verdict
from bench.load.plan import Plan, Pulse, Told
from bench.load.report import Phase, phase
from bench.load.stage import Stage
from wire.errors import SettingsError
from wire.protocol import StartRequest

STARTING_S, STARTING_EACH_S = 0.8, 0.001
"""So long a generator's process takes to be there, with so many clients to make."""
AWAY_S = 1.0
POLL_S = 0.1


@dataclass(frozen=True)
class Asked:
    """Of all kinds; each reads what it needs. Seconds, but for `minutes`."""

    kind: str
    count: int
    seconds: float = 60.0
    ramp_s: float = 0.0
    lag_s: float = 2.0
    line_s: float = 60.0
    answer_s: float = 30.0
    hold_s: float = 10.0
    minutes: float = 10.0
    real: int = 50
    targets: Sequence[str] = ()
    captions: bool = True
    source: str = "en"

    def start(self) -> StartRequest:
        return StartRequest(
            source=self.source, targets=list(self.targets), speech=False, captions=self.captions, live=[]
        )


Scene = Callable[[Stage, Asked], Awaitable[list[Phase]]]


async def streams(stage: Stage, asked: Asked) -> list[Phase]:
    """So many speak at the same time, once each."""
    stage.name = f"{asked.count} streams"
    gang = await _spoken(stage, _speakers(stage, asked, asked.count))
    return [_judged("streams", stage, asked, gang.clients)]


async def soak(stage: Stage, asked: Asked) -> list[Phase]:
    """For minutes: who has said it all is followed by another."""
    stage.name = f"{asked.count} at a time, for {asked.minutes:g} minutes"
    until = time.monotonic() + 60 * asked.minutes
    gang = await _spoken(stage, _speakers(stage, asked, asked.count, again_until=until))
    return [_judged("soak", stage, asked, gang.clients)]


async def herd(stage: Stage, asked: Asked) -> list[Phase]:
    """All connect at the same moment and stay; in a fleet of one's own every ingress is then killed, and all come
    back at the same moment."""
    plan = stage.plan(
        asked.start(), kind="hold", count=asked.count, begin=_soon(asked.count), ramp_s=asked.ramp_s,
        answer_s=asked.answer_s, line_s=asked.line_s, comes_back=True,
    )  # fmt: skip
    gang = stage.gang(plan)
    stage.name = f"{asked.count} connect"
    killed = False
    async with at_work(gang):
        await _until(
            lambda: _everybody_knows(gang), STARTING_S + STARTING_EACH_S * asked.count + asked.ramp_s + asked.answer_s
        )
        await asyncio.sleep(asked.hold_s)
        if stage.fleet is not None and asked.kind == "herd":
            stage.name = f"the ingress is killed, and {asked.count} come back"
            for ingress in stage.fleet.of("ingress"):
                async with faults.killed(ingress):
                    await asyncio.sleep(AWAY_S)
            await stage.fleet.until_ready()
            killed = True
            await _until(lambda: _everybody_knows(gang), asked.answer_s)
            await asyncio.sleep(asked.hold_s)
    phases = [phase("at once", gang.clients, [judging.judge_holder(told, 0) for told in gang.clients])]
    if killed:
        verdicts = [judging.judge_holder(told, 1) for told in gang.clients]
        phases.append(phase("after the kill", gang.clients, verdicts, visit=1))
    return phases


async def idle(stage: Stage, asked: Asked) -> list[Phase]:
    """So many sessions are open, and nobody says anything: what they cost."""
    return await herd(stage, asked)


async def slowloris(stage: Stage, asked: Asked) -> list[Phase]:
    """Some speak, without the slow ones and then beside them."""
    stage.name = f"{asked.real} speak, nobody is slow"
    alone = await _spoken(stage, _speakers(stage, asked, asked.real))
    half = asked.count // 2
    begin = _soon(asked.count)
    dribbling = stage.gang(stage.plan(asked.start(), kind="dribble", count=asked.count - half, begin=begin, ramp_s=2.0))
    mute = stage.gang(stage.plan(asked.start(), kind="mute", count=half, begin=begin, ramp_s=2.0))
    stage.name = f"{asked.count} slow ones connect"
    async with at_work(dribbling), at_work(mute):
        await _until(lambda: min(_connected(dribbling), _connected(mute)) >= 0.95, 20.0)
        stage.name = f"{asked.real} speak beside {asked.count} slow ones"
        beside = await _spoken(stage, _speakers(stage, asked, asked.real))
        kept = dribbling.pulse.inside + mute.pulse.inside
    stage.notes.append(f"of {asked.count} slow ones the server still had {kept} when the speakers had ended")
    return [
        _judged("without the slow ones", stage, asked, alone.clients),
        _judged("beside the slow ones", stage, asked, beside.clients),
    ]


def _speakers(stage: Stage, asked: Asked, count: int, again_until: float = 0.0) -> Plan:
    return stage.plan(
        asked.start(), kind="speak", count=count, begin=_soon(count), ramp_s=asked.ramp_s,
        answer_s=asked.answer_s, line_s=asked.line_s, closing_s=asked.lag_s + 15.0, again_until=again_until,
    )  # fmt: skip


def _soon(count: int) -> float:
    """When they are there."""
    return time.monotonic() + STARTING_S + STARTING_EACH_S * count


async def _spoken(stage: Stage, plan: Plan) -> Gang:
    """Until all have said everything."""
    gang = stage.gang(plan)
    await gang.live()
    return gang


def _judged(name: str, stage: Stage, asked: Asked, clients: Sequence[Told]) -> Phase:
    verdicts: list[Verdict] = [
        judging.judge(told, stage.scripts[told.script], asked.targets, asked.lag_s) for told in clients
    ]
    return phase(name, clients, verdicts)


def _everybody_knows(gang: Gang) -> bool:
    pulse: Pulse = gang.pulse
    return pulse.line + pulse.inside + pulse.over + pulse.refused >= gang.plan.count


def _connected(gang: Gang) -> float:
    return (gang.pulse.inside + gang.pulse.over) / gang.plan.count


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    """Returns when it holds, or after so many seconds: what did not happen is judged later."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:  # noqa: ASYNC110  # other processes tell it by and by
        await asyncio.sleep(POLL_S)


SCENES: dict[str, Scene] = {"streams": streams, "herd": herd, "idle": idle, "slowloris": slowloris, "soak": soak}


def check(asked: Asked) -> None:
    """Raises SettingsError for what cannot be."""
    if asked.count < 1 or asked.real < 1:
        raise SettingsError("--count and --real: at least 1")
