from __future__ import annotations

from typing import Any

import msgspec
import pytest

from wire import matching
from wire.jobs import Job
from wire.matching import Need, Refusal, Rules
from wire.records import NodeRecord

NODE = NodeRecord(
    node="a", version="1", pools=["default"], slots=2, busy=0, ready=True, draining=False, device="cpu", models=[],
    sources=["en", "fr"], targets={"en": ["*"], "de": ["en"]}, voices={"en": "joe"}, cpu_percent=0, memory_mb=0,
    gpus=[], foreign_load=0, dedicated=False, tags=["emotion"],
)  # fmt: skip
JOB = Job(
    job="s.1", session="s", utterance=1, attempt=1, pool="default", source="fr", pcm=b"", start=0,
    targets=["en", "de"], speak=["en", "de"],
)  # fmt: skip


def node(**changes: Any) -> NodeRecord:
    return msgspec.structs.replace(NODE, **changes)


def need(**changes: Any) -> Need:
    return Need(**{"pool": "default", "source": "fr", "targets": ["en"], "speak": ["en"], **changes})


@pytest.mark.parametrize(
    ("view", "rules", "reason"),
    [
        (node(), Rules(), None),
        (node(ready=False, draining=True), Rules(), "offline"),
        (node(draining=True), Rules(), "draining"),
        (node(), Rules(cpu_allowed=False), "no_gpu"),
        (node(gpus=[{"name": "T4"}]), Rules(cpu_allowed=False), None),
        (node(foreign_load=25.0), Rules(), None),
        (node(foreign_load=25.1), Rules(), "foreign_load"),
        (node(foreign_load=90, dedicated=True), Rules(), None),
        (node(foreign_load=25.1), Rules(foreign_load=30), None),
    ],
)
def test_a_node_that_is_unfit_may_take_no_job(view: NodeRecord, rules: Rules, reason: Refusal | None) -> None:
    assert matching.unfit(view, rules) == reason
    assert matching.refusal(need(), view, rules) == reason


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (need(), None),
        (need(excluded=["a"], source="ko"), "excluded"),
        (need(tags=["emotion"]), None),
        (need(tags=["emotion", "persona"], source="ko"), "tag"),
        (need(source="ko", targets=["de"]), "source"),
        (need(source="ko", heard=True), None),
        (need(source="auto", targets=["de"]), None),
        (need(targets=["de"], speak=["de"]), "target"),
        (need(speak=["de"]), "voice"),
    ],
)
def test_what_of_a_job_a_node_lacks(asked: Need, reason: Refusal | None) -> None:
    assert matching.refusal(asked, NODE, Rules()) == reason


def test_what_nobody_has_is_not_asked_for() -> None:
    asked = need(targets=["en", "de", "ja"], speak=["en", "ja"])
    speaks = node(pools=["default"], voices={"ja": "yuki"}, targets={})
    elsewhere = node(pools=["other"], targets={"de": ["*"]})
    assert matching.served(asked, [NODE, elsewhere]) == need()
    assert matching.served(asked, [NODE, speaks]) == need(speak=["en", "ja"])
    assert matching.covered(asked, NODE) == 2


def test_the_need_of_a_job_is_what_is_left_of_it() -> None:
    first = matching.need_of(JOB)
    assert first == need(targets=["en", "de"], speak=["en", "de"])
    job = msgspec.structs.replace(
        JOB, source="auto", transcript="Bonjour", transcript_language="fr", translations={"en": "Hello"}, speak=["en"]
    )
    assert matching.need_of(job, ["b"], "c") == need(targets=["de"], speak=["en"], heard=True, excluded=["b"], last="c")


def test_the_part_that_a_node_can_do() -> None:
    mine = matching.part(JOB, NODE)
    assert (mine.targets, mine.speak) == (["en"], ["en"])
    known = matching.part(msgspec.structs.replace(JOB, translations={"de": "Hallo"}), node(voices={"de": "thorsten"}))
    assert (known.targets, known.speak) == (["en", "de"], ["de"])
