from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.dispatch import Decision, NodeView, decide
from wire.matching import Need, Rules
from wire.records import NodeRecord

NODE = NodeRecord(
    node="a", version="1", pools=["default"], slots=2, busy=0, ready=True, draining=False, device="cpu", models=[],
    sources=["en", "fr"], targets={"en": ["*"], "de": ["en"]}, voices={"en": "joe"}, cpu_percent=0, memory_mb=0,
    gpus=[], foreign_load=0, dedicated=False, tags=["emotion"],
)  # fmt: skip


def node(name: str = "a", *, taken: tuple[int, ...] = (), online: bool = True, **changes: Any) -> NodeView:
    return NodeView(msgspec.structs.replace(NODE, node=name, **changes), frozenset(taken), online)


def need(source: str = "fr", targets: tuple[str, ...] = ("en",), speak: tuple[str, ...] = (), **more: Any) -> Need:
    return Need(pool="default", source=source, targets=list(targets), speak=list(speak), **more)


def names(decision: Decision) -> list[str]:
    return [view.record.node for view in decision.candidates]


@pytest.mark.parametrize(
    ("view", "asked", "rules", "reason"),
    [
        (node(online=False), need(), Rules(), "offline"),
        (node(ready=False), need(), Rules(), "offline"),
        (node(draining=True), need(), Rules(), "draining"),
        (node(), need(), Rules(cpu_allowed=False), "no_gpu"),
        (node(), need("ko"), Rules(), "source"),
        (node(), need(tags=["persona"]), Rules(), "tag"),
        (node(foreign_load=40), need(), Rules(), "foreign_load"),
        (node(), need(excluded=["a"]), Rules(), "excluded"),
        (node(taken=(0, 1)), need(), Rules(), "no_slot"),
    ],
)
def test_each_reason_for_a_refusal_is_kept(view: NodeView, asked: Need, rules: Rules, reason: str) -> None:
    decision = decide(asked, [view], rules)
    assert decision.candidates == []
    assert decision.refused == {reason: 1}


def test_a_node_without_the_language_or_voice_is_refused_where_another_has_it() -> None:
    poor = node("poor", targets={}, voices={})
    assert decide(need(), [poor, node()], Rules()).refused == {"target": 1}
    mute = node("mute", voices={})
    assert decide(need(speak=("en",)), [mute, node()], Rules()).refused == {"voice": 1}


def test_what_nobody_has_refuses_nobody() -> None:
    assert names(decide(need(targets=("en", "ja"), speak=("en", "ja")), [node()], Rules())) == ["a"]


def test_other_pools_are_not_even_refused() -> None:
    assert decide(need(), [node(pools=["other"])], Rules()).refused == {}


def test_the_least_reserved_share_wins_then_who_served_last_then_the_name() -> None:
    nodes = [
        node("c", slots=4, taken=(0,)),
        node("b", taken=(0,)),
        node("d", slots=4, taken=(0,)),
        node("e", taken=(0,)),
    ]
    assert names(decide(need(last="d"), nodes, Rules())) == ["d", "c", "b", "e"]


def test_a_dedicated_host_does_not_care_for_load() -> None:
    assert names(decide(need(), [node(foreign_load=90, dedicated=True)], Rules())) == ["a"]


def test_full_nodes_are_capable_all_the_same() -> None:
    decision = decide(need(), [node(taken=(0, 1))], Rules())
    assert [view.record.node for view in decision.capable] == ["a"]
    assert node(taken=(1,)).free == [0]


def test_known_text_needs_nobody_who_transcribes() -> None:
    assert names(decide(need("ko", heard=True), [node()], Rules())) == ["a"]
    assert names(decide(need("auto"), [node()], Rules())) == ["a"]


def test_where_no_node_can_do_it_all_the_best_part_is_taken() -> None:
    hears = node("hears", voices={})
    speaks = node("speaks", sources=[], targets={})
    decision = decide(need(speak=("en",)), [speaks, hears], Rules())
    assert (names(decision), decision.whole) == (["hears"], False)
    rest = decide(need(targets=(), speak=("en",), heard=True), [speaks, hears], Rules())
    assert (names(rest), rest.whole) == (["speaks"], True)
