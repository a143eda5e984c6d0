"""What is known of recordings is not asked of engines: these count what they are asked. A real server keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest

from node_runtime.engines.base import Heard
from node_runtime.frames import Loaded, Step
from node_runtime.pipeline import Attempt
from node_runtime.recall import Recall, heard_key, rendered_key
from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import hearing, node, post_piece
from tests.node_runtime.conftest import job as any_job
from tests.node_runtime.test_pipeline import Counting
from wire import subjects
from wire.bus import Bus
from wire.jobs import Job
from wire.messages import FoundEmpty, JobDone, JobProgressed, Transcribed, Translated, encode
from wire.options import Glossary, Word

PCM = sounds.pcm(sounds.white(1.0))
BONJOUR = Heard("bonjour", "fr", 0.9, 0.8, (Word("bonjour", 0.25, 0.5),))
LOADED = Loaded(
    device="cpu", models=["m"], sources=["fr"], targets={}, voices={}, ear="whisper.1", translation="whisper.1 m2m.1"
)


class Engaged:
    """Counting engines, and what their node knows of them."""

    def __init__(self, engines: Counting) -> None:
        self.engines = engines
        self.loaded: Loaded | None = LOADED

    async def run(self, job: Job) -> AsyncGenerator[tuple[str, Step], None]:
        attempt = Attempt(job, "n1", self.engines.engines())
        for step in attempt.run():
            yield attempt.target, step


def piece(utterance: int = 1, **fields: Any) -> Job:
    return any_job("s", utterance, fields.pop("pcm", PCM), **{"recorded": True, **fields})


class Node:
    """Its engines may change; what is kept stays with the server."""

    def __init__(self, bus: Bus, engines: Counting | None = None, **loaded: Any) -> None:
        self.engines = engines or Counting(BONJOUR)
        self.counters: Counter[str] = Counter()
        engaged = Engaged(self.engines)
        engaged.loaded = msgspec.structs.replace(LOADED, **loaded)
        self._recall = Recall(bus, "n1", engaged, engaged, self.counters)

    async def run(self, job: Job) -> list[Step]:
        return [step async for _, step in self._recall.run(job) if not isinstance(step, JobProgressed)]


async def test_what_was_heard_and_rendered_is_not_asked_again(bus: Bus) -> None:
    node = Node(bus)
    work = piece(targets=["en", "de", "fr"], start=100.003, words=True)
    first = await node.run(work)
    assert node.engines.calls == ["prepare", "asr auto", "english fr", "translate fr de"]
    again = await node.run(msgspec.structs.replace(work, utterance=7, job="s.7"))
    assert node.engines.calls == ["prepare", "asr auto", "english fr", "translate fr de"]
    assert [encode(step) for step in told(first)] == [encode(step) for step in told(again)]
    assert node.counters == {"heard_misses": 1, "heard_hits": 1, "rendered_hits": 2}
    assert isinstance(again[-1], JobDone)
    assert again[-1].seconds == {}
    assert {(step.job, step.utterance) for step in again} == {("s.7", 7)}  # type: ignore[union-attr]


def told(steps: list[Step]) -> list[Any]:
    """What a client would hear of, in the order of languages."""
    found = [
        msgspec.structs.replace(step, job="", utterance=0)
        for step in steps
        if isinstance(step, Transcribed | Translated | FoundEmpty)
    ]
    return sorted(found, key=lambda step: getattr(step, "target", ""))


async def test_word_times_are_those_of_where_it_is_said_now(bus: Bus) -> None:
    node = Node(bus)
    await node.run(piece(words=True, start=100.003))
    (step, *_) = await node.run(piece(words=True, start=5.0))
    assert node.counters["heard_hits"] == 1
    assert isinstance(step, Transcribed)
    assert step.words == [Word("bonjour", 5.25, 5.5)]


async def test_that_there_are_no_words_is_known_too(bus: Bus) -> None:
    node = Node(bus, Counting("noise"))
    first = await node.run(piece(targets=["en"]))
    again = await node.run(piece(targets=["en"]))
    assert node.engines.calls == ["prepare", "asr auto"]
    assert [type(step) for step in again] == [FoundEmpty, JobDone]
    assert first[:-1] == again[:-1]


async def test_another_language_costs_only_its_translation(bus: Bus) -> None:
    node = Node(bus)
    await node.run(piece(targets=["en"]))
    node.engines.calls.clear()
    await node.run(piece(targets=["en", "de"], speak=["en"]))
    assert node.engines.calls == ["translate fr de", "speak hello"]


async def test_live_speech_is_neither_looked_up_nor_kept(bus: Bus) -> None:
    node = Node(bus)
    for _ in range(2):
        await node.run(piece(recorded=False, targets=["de"]))
    assert node.engines.calls == ["asr auto", "translate fr de"] * 2
    assert not node.counters
    assert not await bus.subjects(f"KV_{subjects.HEARD_KV}", "$KV.heard.>")


async def test_engines_that_do_not_say_which_they_are_are_always_asked(bus: Bus) -> None:
    node = Node(bus, ear="", translation="")
    for _ in range(2):
        await node.run(piece(targets=["de"]))
    assert node.engines.calls == ["prepare", "asr auto", "translate fr de"] * 2


async def test_what_nobody_can_read_is_asked_again(bus: Bus) -> None:
    node = Node(bus)
    work = piece()
    await bus.store(
        f"$KV.heard.{heard_key(work, LOADED.ear)}", JobDone(job="", utterance=1, attempt=1, node="", seconds={})
    )
    await node.run(work)
    await node.run(work)
    assert node.engines.calls == ["prepare", "asr auto"]


async def test_a_failure_is_not_kept(bus: Bus) -> None:
    broken, sound = Node(bus, Counting(RuntimeError("no"))), Node(bus)
    await broken.run(piece())
    await sound.run(piece())
    assert sound.engines.calls == ["prepare", "asr auto"]


async def test_a_server_that_is_away_costs_only_the_work(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node_runtime.recall.KEEP_S", 0.1)
    for bucket in (subjects.HEARD_KV, subjects.RENDERED_KV):
        await bus._js.delete_stream(f"KV_{bucket}")
    monkeypatch.setattr(bus, "_declares", False)
    node = Node(bus)
    steps = await node.run(piece(targets=["de"]))
    assert [type(step) for step in steps] == [Transcribed, Translated, JobDone]


@pytest.mark.parametrize(
    "other",
    [
        {"pcm": PCM[:-2]}, {"source": "fr"}, {"prompt": "said"}, {"expected": "fr"}, {"between": ["fr", "en"]},
        {"glossary": Glossary(words=["Anna"])}, {"words": True}, {"voiced": 1.0}, {"tenant": "other"},
    ],
)  # fmt: skip
def test_another_audio_or_question_is_another_key(other: dict[str, Any]) -> None:
    assert heard_key(piece(), "m") != heard_key(piece(**other), "m")


def test_another_model_is_another_key_and_another_place_is_not() -> None:
    assert heard_key(piece(), "m") != heard_key(piece(), "n")
    elsewhere = piece(utterance=9, start=50.0, attempt=3, targets=["en"], speak=["en"], pace=2.0)
    assert heard_key(elsewhere, "m") == heard_key(piece(), "m")
    assert heard_key(piece(source="fr", expected="en"), "m") == heard_key(piece(source="fr"), "m")


GIVEN: dict[str, Any] = {"transcript": "bonjour", "transcript_language": "fr"}


@pytest.mark.parametrize(
    "other",
    [
        {"transcript": "bonsoir"}, {"transcript_language": "es"}, {"tenant": "other"},
        {"glossary": Glossary(terms={"Anna": {"de": "Änne"}})},
    ],
)  # fmt: skip
def test_another_text_language_or_rendering_is_another_key(other: dict[str, Any]) -> None:
    assert rendered_key(piece(**GIVEN), "de", "m") != rendered_key(piece(**{**GIVEN, **other}), "de", "m")


def test_a_rendering_depends_on_its_target_and_into_english_on_the_audio() -> None:
    plain = rendered_key(piece(**GIVEN), "de", "m")
    assert plain != rendered_key(piece(**GIVEN), "nl", "m")
    assert plain != rendered_key(piece(**GIVEN), "de", "n")
    assert plain == rendered_key(piece(**GIVEN, pcm=b"", glossary=Glossary(terms={"Anna": {"nl": "An"}})), "de", "m")
    assert rendered_key(piece(**GIVEN), "en", "m") != rendered_key(piece(**GIVEN, pcm=PCM[2:]), "en", "m")


async def test_a_node_answers_the_same_recording_from_what_another_kept(server: NatsServer, bus: Bus) -> None:
    long = sounds.pcm(sounds.white(20.0))
    async with hearing(bus, "r") as heard, hearing(bus, "t") as later:
        async with node(server):
            await post_piece(bus, any_job("r", 1, long, source="fr", targets=["de"], words=True))
            await heard.until_done(1)
        async with node(server, node="n2"):
            await post_piece(bus, any_job("t", 1, long, source="fr", targets=["de"], words=True))
            await later.until_done(1)
    assert heard.of(JobDone)[0].seconds["asr"] > 0.9
    assert later.of(JobDone)[0].seconds == {}
    for kind in (Transcribed, Translated):
        assert [_bare(each) for each in heard.of(kind)] == [_bare(each) for each in later.of(kind)]


def _bare(said: Any) -> bytes:
    return encode(msgspec.structs.replace(said, job="", node=""))
