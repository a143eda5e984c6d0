"""One drill: several people speak, something happens, and what each of them was told is judged."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from bench import speech, verdict
from bench.fleet import Fleet, until
from bench.observer import Settling, consumers, settled
from bench.rows import percentile
from bench.speaker import CHUNK_S, Speaker
from bench.verdict import Span, Verdict
from wire.protocol import StartRequest

SAID = ("Yes, that is right.", "We will see about it.", "Thank you very much.")
PAUSE_S = 0.8
TARGET = "fr"
STAGGER_S = 0.17
DRILL_S = 90.0

Fault = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Script:
    """What is said, in chunks; and where its voice lies, as an undisturbed session found it."""

    pieces: list[bytes]
    spans: list[Span]

    @property
    def seconds(self) -> float:
        return len(self.pieces) * CHUNK_S


@dataclass
class Report:
    """`extra_s`: the worst delay of an utterance, less the usual one."""

    verdicts: list[Verdict] = field(default_factory=list)
    settling: Settling = field(default_factory=Settling)
    extra_s: float = 0.0
    returns: int = 0

    @property
    def notes(self) -> list[str]:
        return [note for each in self.verdicts for note in each.notes]

    @property
    def utterances(self) -> int:
        return sum(each.utterances for each in self.verdicts)

    @property
    def clean(self) -> bool:
        return not self.settling.left and all(each.clean for each in self.verdicts)

    def line(self, name: str) -> str:
        return (
            f"{name}: {self.utterances} utterances, {sum(each.lost for each in self.verdicts)} lost, "
            f"{sum(each.repeated for each in self.verdicts)} repeated, extra delay {self.extra_s:.1f} s, "
            f"{self.returns} returns, settled after {self.settling.seconds:.1f} s (last: {self.settling.last})"
        )


def wanted(place: int) -> StartRequest:
    """What the speaker at this place asks for: captions, translations, or speech as well."""
    return StartRequest(source="en", targets=[TARGET] if place % 3 else [], speech=place % 3 == 2)


class Drill:
    """A fleet with what is usual there. Made by `prepared`."""

    def __init__(self, fleet: Fleet, script: Script, usual_s: float, idle: Counter[str], seed: int) -> None:
        self.fleet = fleet
        self.script = script
        self.usual_s = usual_s
        self.idle = idle
        self._seed = seed

    def speaker(self, place: int, among: Collection[str] = ()) -> Speaker:
        """`among`: names of ingresses, where not all of them will do."""
        addresses = [self.fleet.addresses[name] for name in among] or list(self.fleet.addresses.values())
        return Speaker(addresses, self.script.pieces, wanted(place), random.Random(self._seed * 1000 + place))

    async def run(self, fault: Fault, *, speakers: int = 6, after: int = 1, hold_s: float = 0.0) -> Report:
        """The fault begins when everybody has had `after` utterances told, and is mended `hold_s` later.

        Raises TimeoutError where somebody was not told the end in DRILL_S.
        """
        talking = [self.speaker(place) for place in range(speakers)]
        async with asyncio.timeout(DRILL_S), asyncio.TaskGroup() as group:
            for place, speaker in enumerate(talking):
                group.create_task(_later(place * STAGGER_S, speaker))
            await until(lambda: _all_have(talking, after))
            async with fault():
                await asyncio.sleep(hold_s)
        report = self.judge(talking)
        report.settling = await settled(self.fleet, {each.heard.session for each in talking}, self.idle)
        return report

    def judge(self, talking: Collection[Speaker]) -> Report:
        report = Report(returns=sum(each.heard.returns for each in talking))
        for speaker in talking:
            request = speaker.start
            report.verdicts.append(
                verdict.judge(speaker.heard, self.script.spans, request.targets, bool(request.speech))
            )
        delays = [delay for each in report.verdicts for _, delay in each.delays]
        report.extra_s = max(delays, default=0.0) - self.usual_s
        return report


async def prepared(fleet: Fleet, seed: int = 1) -> Drill:
    """Listen to an undisturbed session first. Raises AssertionError where not even that is clean."""
    pieces = speech.pieces(await asyncio.to_thread(speech.spoken, SAID, PAUSE_S), CHUNK_S)
    drill = Drill(fleet, Script(pieces, []), 0.0, Counter(), seed)
    talking = [drill.speaker(place) for place in (0, 2)]
    async with asyncio.timeout(DRILL_S):
        await asyncio.gather(*(each.run() for each in talking))
    drill.script = Script(pieces, verdict.spans(talking[0].heard))
    report = drill.judge(talking)
    assert report.clean, report.notes
    assert len(drill.script.spans) == len(SAID), drill.script.spans
    drill.idle = await consumers(fleet)  # those that the first rearrangement left have gone meanwhile
    drill.usual_s = percentile([delay for each in report.verdicts for _, delay in each.delays], 0.5)
    return drill


async def _all_have(talking: Collection[Speaker], utterances: int) -> bool:
    return all(len(verdict.spans(each.heard)) >= utterances for each in talking)


async def _later(seconds: float, speaker: Speaker) -> None:
    await asyncio.sleep(seconds)
    await speaker.run()
