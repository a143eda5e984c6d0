from __future__ import annotations

import asyncio

import pytest

from tests.inbox import beside
from wire import fleet, subjects, topology
from wire.bus import Bus
from wire.fleet import FleetView
from wire.kv import Bucket
from wire.languages import translates
from wire.messages import AUTO
from wire.records import NodeRecord


def node(name: str = "n1", **changes: object) -> NodeRecord:
    values: dict[str, object] = {
        "node": name,
        "version": "0.1.0",
        "pools": ["default"],
        "slots": 1,
        "busy": 0,
        "ready": True,
        "draining": False,
        "device": "cpu",
        "models": ["base"],
        "sources": ["en", "fr"],
        "targets": {"en": ["*"], "de": ["en"]},
        "voices": {"en": "joe"},
        "cpu_percent": 0.0,
        "memory_mb": 0.0,
        "gpus": [],
    }
    return NodeRecord(**{**values, **changes})  # type: ignore[arg-type]


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(fleet, "time", clock)
    return clock


def view_of(*nodes: NodeRecord) -> FleetView:
    view = FleetView()
    for each in nodes:
        view.apply(each.node, each)
    return view


def test_nodes_are_listed_by_pool_and_readiness(clock: Clock) -> None:
    view = view_of(
        node("a"),
        node("warming", ready=False),
        node("leaving", draining=True),
        node("gpu", pools=["default", "gpu"]),
    )
    assert [each.node for each in view.alive("default")] == ["a", "warming", "gpu"]
    assert [each.node for each in view.ready("default")] == ["a", "gpu"]
    assert [each.node for each in view.ready("gpu")] == ["gpu"]
    assert view.ready("none") == []


def test_a_node_is_found_by_its_name() -> None:
    view = FleetView()
    view.apply("n1", node("n1"))
    assert view.node("n1") == node("n1")
    assert view.node("n2") is None
    assert len(view) == 1


def test_a_silent_node_is_gone_after_three_beats(clock: Clock) -> None:
    view = view_of(node("a"), node("b"))
    clock.now += 3 * topology.HEARTBEAT_S
    view.apply("b", node("b", busy=1))
    assert [each.node for each in view.alive("default")] == ["a", "b"]
    clock.now += 0.1
    assert [each.node for each in view.alive("default")] == ["b"]
    view.apply("b", None)
    assert view.alive("default") == []
    view.apply("b", None)


def test_what_the_fleet_cannot_do_is_said_with_what_it_can(clock: Clock) -> None:
    view = view_of(node("a"), node("b", sources=["zh"], targets={"fr": ["zh"]}))
    assert view.refusal("default", "fr", ["en"]) is None
    assert view.refusal("default", AUTO, ["en", "de", "fr"]) is None
    assert view.refusal("default", "en", []) is None
    assert view.refusal("default", "xx", []) == "nobody can transcribe 'xx'; there are: en, fr, zh"
    assert view.refusal("default", "en", ["fr"]) == "nobody can translate 'en' into 'fr'; targets served: de, en, fr"
    assert view.refusal("default", AUTO, [], ["fr", "en"]) == view.refusal("default", "en", ["fr"])
    assert view.refusal("default", AUTO, [], ["xx", "en"]) == view.refusal("default", "xx", ["en"])
    assert view.refusal("none", "en", []) == "nobody can transcribe 'en'; there are: none"
    assert view.refusal("none", AUTO, ["en"]) == "nobody can translate 'auto' into 'en'; targets served: none"


def test_a_text_that_is_to_be_spoken_in_its_own_language_needs_no_translation(clock: Clock) -> None:
    view = view_of(node("a"))
    assert view.refusal("default", "fr", ["fr"]) is None
    assert view.refusal("default", "fr", ["fr", "de"]) is not None


@pytest.mark.parametrize(
    ("source", "target", "served"),
    [("fr", "en", True), ("en", "de", True), ("fr", "de", False), (AUTO, "de", True), ("en", "xx", False)],
)
def test_one_nodes_translations(source: str, target: str, served: bool) -> None:
    assert translates(node(), source, target) is served


def test_auto_is_not_served_by_a_target_without_sources() -> None:
    assert not translates(node(targets={"de": []}), AUTO, "de")


async def test_heartbeats_in_the_bucket_reach_the_view(bus: Bus) -> None:
    view = FleetView()
    bucket = Bucket(bus, subjects.NODES_KV, NodeRecord)
    await bucket.put("n1", node())
    async with beside(view.follow(bus)), asyncio.timeout(10):
        while not view.ready("default"):
            await bus.newest("KV_nodes")
        await bucket.delete("n1")
        while view.alive("default"):
            await bus.newest("KV_nodes")
