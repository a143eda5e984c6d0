"""What a node takes from a pool, by heartbeats that the test makes up."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from node_runtime.fitness import Fitness
from node_runtime.presence import Presence
from node_runtime.slots import Slots
from tests.node_runtime.conftest import job
from tests.wire.test_matching import NODE
from wire.bus import Bus
from wire.env import NodeSettings
from wire.jobs import Job


@pytest.fixture
def presence(bus: Bus) -> Presence:
    made = Presence(bus, NodeSettings(), "a", Slots(bus, "a", 1))
    made.told = NODE
    return made


@pytest.fixture
def fitness(bus: Bus, presence: Presence) -> Fitness:
    return Fitness(bus, NodeSettings(foreign_load_percent=30), presence)


def beat(fitness: Fitness, name: str, **changes: Any) -> None:
    fitness.fleet.apply(name, msgspec.structs.replace(NODE, node=name, **changes))


def work(**changes: Any) -> Job:
    return job("s", 1, b"", **{"source": "fr", "targets": ["en"], "speak": ["en"], **changes})


def test_a_node_that_others_use_asks_for_nothing(fitness: Fitness, presence: Presence) -> None:
    assert fitness.fit
    presence.told = msgspec.structs.replace(NODE, foreign_load=31)
    assert not fitness.fit
    presence.told = msgspec.structs.replace(NODE, foreign_load=31, dedicated=True)
    assert fitness.fit
    presence.told = None
    assert not fitness.fit
    assert fitness.share(work()) == (None, False)


def test_what_it_can_do_it_does_whoever_else_can(fitness: Fitness) -> None:
    beat(fitness, "b")
    assert fitness.share(work()) == (work(), False)


@pytest.mark.parametrize(
    ("lacking", "part"),
    [
        ({"source": "ko"}, None),
        ({"targets": ["en", "ja"]}, {"targets": ["en"]}),
        ({"speak": ["ja", "en"], "targets": ["en", "ja"]}, {"targets": ["en"], "speak": ["en"]}),
        ({"targets": ["ja"], "speak": ["ja"], "transcript": "Bonjour"}, None),
    ],
)
def test_what_it_lacks_is_for_another(fitness: Fitness, lacking: dict[str, Any], part: dict[str, Any] | None) -> None:
    rich = {"sources": ["fr", "ko"], "targets": {"en": ["*"], "ja": ["*"]}, "voices": {"en": "joe", "ja": "yuki"}}
    mine = work(**{**lacking, **part}) if part is not None else None
    beat(fitness, "elsewhere", pools=["other"], **rich)
    beat(fitness, "a", **rich)  # its own heartbeat says nothing about others
    assert fitness.share(work(**lacking))[1] is False
    beat(fitness, "full", busy=2, **rich)
    beat(fitness, "draining", draining=True, **rich)
    beat(fitness, "used", foreign_load=31, **rich)
    assert fitness.share(work(**lacking)) == (mine, False)
    beat(fitness, "b", **rich)
    assert fitness.share(work(**lacking)) == (mine, True)


def test_what_nobody_has_is_said_by_whoever_runs_it(fitness: Fitness) -> None:
    beat(fitness, "b")
    for asked in (work(source="ko"), work(targets=["en", "ja"]), work(speak=["ja"], targets=["ja"])):
        assert fitness.share(asked) == (asked, False)
