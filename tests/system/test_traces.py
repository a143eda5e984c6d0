"""One utterance is one trace, through real processes: also where a node dies, and another has to do it again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bench import faults, speech
from bench.fleet import Fleet, Shape, running
from bench.speaker import CHUNK_S, Speaker
from tests.collector import Collector, Span, collecting
from tests.waiting import until
from wire import trace
from wire.protocol import StartRequest

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAID = ("Yes, that is right.",)
PROCESSES = {
    "utterance": "dragoman-scheduler",
    "scheduler": "dragoman-scheduler",
    "ingress": "dragoman-ingress",
    "node": "node-runtime",
}
BELOW_ROOT = {
    "scheduler.decide", "scheduler.dispatch", "scheduler.tell", "ingress.listen", "ingress.deliver", "ingress.speech"
}  # fmt: skip
BELOW_DISPATCH = {"node.queue", "node.attempt"}
BELOW_ATTEMPT = {"node.asr", "node.translate", "node.speech"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def traced(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Fleet, Collector]]:
    async with collecting() as collector:
        told = {"otlp_endpoint": collector.url}
        settings = {"scheduler": told, "ingress": told, "node": {**told, "scripted_rtf": "1.6"}}
        shape = Shape(schedulers=1, ingresses=1, nodes=2, settings=settings)
        async with running(shape, tmp_path_factory.mktemp("fleet")) as fleet:
            yield fleet, collector


@pytest.fixture(scope="module")
def pieces() -> list[bytes]:
    return speech.pieces(speech.spoken(SAID, 1.0), CHUNK_S)


def speaker(fleet: Fleet, pieces: list[bytes]) -> Speaker:
    wanted = StartRequest(source="en", targets=["fr"], speech=True)
    return Speaker(list(fleet.addresses.values()), pieces, wanted, random.Random(1))


async def spans_of(collector: Collector, session: str, patience: float = 20) -> list[Span]:
    """All of the first utterance's, once its own is there and processes have sent what they had a second ago."""
    found = trace.shown(trace.trace_id(session, 1))

    async def whole() -> bool:
        there = {span.name for span in collector.spans if span.trace == found}
        return {"utterance", "node.attempt", "ingress.speech"} <= there

    await until(whole, patience)
    return [span for span in collector.spans if span.trace == found]


async def test_one_utterance_is_one_trace(traced: tuple[Fleet, Collector], pieces: list[bytes]) -> None:
    fleet, collector = traced
    talking = speaker(fleet, pieces)
    await talking.run()
    spans = await spans_of(collector, talking.heard.session)
    assert {span.trace for span in collector.spans} == {spans[0].trace}  # and nothing is in any other
    root = next(span for span in spans if span.name == "utterance")
    ids = {span.id: span for span in spans}
    assert len(ids) == len(spans)
    assert (root.parent, root.id) == ("", f"{trace.span_id(talking.heard.session, 1):016x}")
    for span in spans:
        assert span.process == PROCESSES[span.name.partition(".")[0]]
        if span is not root:
            above = ids[span.parent].name
            assert span.name in {"utterance": BELOW_ROOT | {"node.partial"}, "scheduler.dispatch": BELOW_DISPATCH}.get(
                above, BELOW_ATTEMPT
            ), f"{span.name} is under {above}"
            assert not span.error
    names = [span.name for span in spans]
    assert {*names} >= BELOW_ROOT | BELOW_DISPATCH | BELOW_ATTEMPT
    assert names.count("scheduler.tell") == names.count("ingress.deliver") == 4  # text, translation, speech and its end
    assert root.about == {"session": talking.heard.session, "utterance": 1, "outcome": "text", "attempts": 1}
    in_order = ["ingress.listen", "scheduler.decide", "scheduler.dispatch", "node.attempt", "ingress.speech"]
    ends = [next(span.end for span in spans if span.name == name) for name in in_order]
    assert ends == sorted(ends)
    assert root.start <= next(span for span in spans if span.name == "ingress.listen").start + 0.3
    words = {word for sentence in SAID for word in sentence.lower().split()}
    told = [str(value).lower() for span in spans for value in span.about.values()]
    assert not any(word in value for word in words for value in told if len(word) > 3)


async def test_both_attempts_are_in_the_trace(traced: tuple[Fleet, Collector], pieces: list[bytes]) -> None:
    fleet, collector = traced
    talking = speaker(fleet, pieces)
    async with asyncio.TaskGroup() as group:
        group.create_task(talking.run())
        victim = await faults.working(fleet)
        async with faults.killed(victim):
            spans = await spans_of(collector, talking.heard.session, 40)
    ids = {span.id: span for span in spans}
    dispatched = {span.about["attempt"]: span for span in spans if span.name == "scheduler.dispatch"}
    assert (dispatched[1].about["node"], dispatched[2].about["excluded"]) == (victim.name, victim.name)
    done = next(span for span in spans if span.name == "node.attempt" and span.about["outcome"] == "done")
    assert (done.about["attempt"], done.about["node"]) == (2, dispatched[2].about["node"])
    assert done.about["node"] != victim.name
    assert ids[done.parent] is dispatched[2]
    root = next(span for span in spans if span.name == "utterance")
    assert (root.about["attempts"], root.about["outcome"]) == (2, "text")
    assert {dispatched[1].parent, dispatched[2].parent} == {root.id}
