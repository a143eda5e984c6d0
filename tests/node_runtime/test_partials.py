"""Live captions on a real server, with scripted engines in their own process."""

from __future__ import annotations

import pytest

from node_runtime.partials import LONGEST_LIFE_S, Ages, has_room, read
from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import hearing, job, node, partial, post, post_partial
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.errors import ProtocolViolation
from wire.messages import ClientSeen, Hypothesis, JobDone, JobStarted, encode
from wire.options import Word

SOUND = sounds.pcm(sounds.white(0.45))
LONG = sounds.pcm(sounds.white(4.0))


async def test_a_hypothesis_comes_into_the_mailbox(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await post_partial(bus, partial("s", 3, SOUND, generation=7, timed=True, live=["de", "fr"], start=2.0))
        await heard.until(lambda: heard.of(Hypothesis))
        await until(lambda: _empty(bus))
    (found,) = heard.of(Hypothesis)
    assert (found.session, found.utterance, found.generation, found.node) == ("s", 3, 7, "n1")
    assert (found.text, found.language, found.empty) == ("I heard", "fr", "")
    assert found.words == [Word("I", 2.0, 2.22), Word("heard", 2.22, 2.45)]
    assert found.translations == {"de": "[de] I heard", "fr": "I heard"}
    assert found.seconds > 0


async def _empty(bus: Bus) -> bool:
    return not await bus.subjects(subjects.PARTIALS, subjects.PARTIAL_ALL)


async def test_silence_is_answered_with_the_reason(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await post_partial(bus, partial("s", 1, sounds.pcm(sounds.silence(1.0))))
        await heard.until(lambda: heard.of(Hypothesis))
    assert [(each.text, each.empty) for each in heard.of(Hypothesis)] == [("", "no_speech")]


async def test_none_is_taken_while_a_final_runs_and_then_only_the_newest(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, LONG, source="fr", prompt="slow"))  # two seconds of work
        await heard.until(lambda: heard.of(JobStarted))
        for generation in (1, 2, 3):
            await post_partial(bus, partial("s", 2, SOUND, generation=generation))
        await heard.until(lambda: heard.of(Hypothesis))
        await until(lambda: _empty(bus))
    assert [each.generation for each in heard.of(Hypothesis)] == [3]
    assert [type(each) for each in heard.mail if isinstance(each, JobDone | Hypothesis)] == [JobDone, Hypothesis]


async def test_one_at_a_time_and_every_session_has_its_turn(server: NatsServer, bus: Bus) -> None:
    async with node(server, pools=["default", "gold"]), hearing(bus, "s") as heard, hearing(bus, "t") as other:
        await post_partial(bus, partial("s", 1, LONG))
        await post_partial(bus, partial("t", 1, LONG, pool="gold"))
        await heard.until(lambda: heard.of(Hypothesis))
        await other.until(lambda: other.of(Hypothesis))


async def test_what_breaks_is_not_answered_and_the_next_is(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await post_partial(bus, partial("s", 1, SOUND, generation=1, prompt="fail"))
        await until(lambda: _empty(bus))
        await bus.store(subjects.partial("default", "s"), ClientSeen())
        await until(lambda: _empty(bus))
        await post_partial(bus, partial("s", 1, SOUND, generation=2))
        await heard.until(lambda: heard.of(Hypothesis))
    assert [each.generation for each in heard.of(Hypothesis)] == [2]


async def test_a_language_that_the_node_does_not_hear_is_left_to_others(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard, hearing(bus, "t") as other:
        await post_partial(bus, partial("s", 1, SOUND, source="xx"))
        await post_partial(bus, partial("t", 1, SOUND))
        await other.until(lambda: other.of(Hypothesis))
        await until(lambda: _empty(bus))  # its time is over
    assert not heard.of(Hypothesis)


def test_there_is_room_on_a_cpu_when_it_is_idle_and_on_a_gpu_in_free_slots() -> None:
    assert has_room("cpu", running=0, busy=0, free=4)
    assert not has_room("cpu", running=0, busy=1, free=3)
    assert not has_room("cpu", running=1, busy=0, free=4)
    assert has_room("cuda", running=2, busy=1, free=3)
    assert not has_room("cuda", running=3, busy=1, free=3)
    assert not has_room("cuda", running=0, busy=4, free=0)


def test_ages_are_by_the_clocks_difference_and_survive_a_clock_that_is_set() -> None:
    ages = Ages()
    assert ages.age(1000.0, 900.0) == 0  # the server is 100 s ahead
    assert ages.age(1000.0, 902.5) == 2.5
    assert ages.age(1000.0, 899.5) == 0
    assert ages.age(1000.0, 899.5 + LONGEST_LIFE_S + 1) == 0
    assert ages.age(1000.0, 899.5 + LONGEST_LIFE_S + 2) == 1


def test_what_is_no_partial_job_is_refused() -> None:
    assert read(encode(partial("s", 1, b"ab"))).session == "s"
    for bad in (encode(ClientSeen()), encode(partial("s", 1, b"abc")), encode(partial("a b", 1, b"ab"))):
        with pytest.raises(ProtocolViolation):
            read(bad)
