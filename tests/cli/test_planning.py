from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import capacity
from cli.figures import FIGURES
from cli.planning import Asked, erlang_c, plan, wait
from tests.wire.test_matching import NODE
from wire import subjects, topology
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.records import PoolUse

USUAL = Asked(streams=500, rtf=0.1, rtf_translate=0.03, rtf_speech=0.05, targets=3, spoken=1, slots=4)

asked = st.builds(
    Asked,
    streams=st.integers(1, 5000),
    rtf=st.floats(0, 2),
    rtf_translate=st.floats(0, 1),
    rtf_speech=st.floats(0, 1),
    speech_share=st.floats(0, 1),
    utterance_s=st.floats(0.5, 20),
    targets=st.integers(0, 10),
    spoken=st.integers(0, 10),
    slots=st.integers(1, 16),
    utilization=st.floats(0.3, 1),
    captions=st.floats(0, 1),
    recordings_h=st.floats(0, 1000),
)

MORE: dict[str, Any] = {
    "streams": 7, "rtf": 0.3, "rtf_translate": 0.2, "rtf_speech": 0.2, "targets": 2, "spoken": 2, "recordings_h": 500.0
}  # fmt: skip
NEVER_LESS = ("nodes", "slots", "schedulers", "ingresses", "nats_in_mb_s", "nats_disk_mb_s", "mailbox_gb", "events_gb")


@given(asked, st.sampled_from(sorted(MORE)))
def test_who_asks_for_more_is_told_no_less(one: Asked, what: str) -> None:
    other = msgspec.structs.replace(one, **{what: getattr(one, what) + MORE[what]})
    before, after = plan(one), plan(other)
    for key in NEVER_LESS:
        assert after[key] >= before[key] - 1e-9, key


@given(asked)
def test_a_plan_is_never_too_small(one: Asked) -> None:
    found = plan(one)
    working = (found["nodes"] - one.spare) * one.slots
    assert working * one.utilization >= one.streams * found["price"] - 1e-6
    assert working >= found["slots"]
    assert min(found["schedulers"], found["ingresses"]) >= 2
    assert found["scheduler_cores"] <= found["schedulers"] * one.core_share + 1e-6
    assert found["ingress_cores"] <= found["ingresses"] * one.core_share + 1e-6


@given(asked)
def test_every_line_is_a_finite_number_with_a_formula(one: Asked) -> None:
    one = msgspec.structs.replace(one, utilization=0.8)
    for line in plan(one).lines:
        assert math.isfinite(line.value), line
        assert line.value >= 0, line
        assert line.formula


def test_it_reckons_as_schedulers_do_when_they_let_in() -> None:
    """So many nodes as are planned have room for so many streams."""
    found = plan(USUAL)
    rtf = {"asr/m": USUAL.rtf, "translate/m": USUAL.rtf_translate, "speech/v": USUAL.rtf_speech}
    node = msgspec.structs.replace(NODE, slots=USUAL.slots, rtf=rtf)
    count = round(found["nodes"]) - USUAL.spare
    use = PoolUse(sessions=500, targets=1500, spoken=500, speech_share=USUAL.speech_share)
    at = capacity.prices([node] * count, [use], None)
    price = at.session + USUAL.targets * at.target + USUAL.spoken * at.spoken
    assert price == pytest.approx(found["price"])
    room = capacity.capacity([node] * count, USUAL.utilization, price)
    assert room >= 500 * price > capacity.capacity([node] * (count - 1), USUAL.utilization, price)


def test_recordings_take_what_live_speech_leaves_and_then_more() -> None:
    few = plan(msgspec.structs.replace(USUAL, recordings_h=10.0))
    many = plan(msgspec.structs.replace(USUAL, recordings_h=10_000.0))
    assert few["slots"] == plan(USUAL)["slots"] < many["slots"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"streams": 2000}, "messages of audio a second are much for one MAILBOX"),
        ({"streams": 2000}, "MAILBOX holds 64 s instead of 120"),
        ({"spoken": 3}, "EVENTS holds"),
        ({"streams": 5000}, "out of NATS are over 1,250 of one host's network"),
        ({"history_days": 365.0}, "TRANSCRIPTS is full after"),
        ({"streams": 100_000}, "schedulers, but 64 partitions"),
    ],
)
def test_what_does_not_fit_is_told(change: dict[str, Any], told: str) -> None:
    small = msgspec.structs.replace(USUAL, streams=50, history_days=0.5)
    assert plan(small).warnings == []
    assert any(told in warning for warning in plan(msgspec.structs.replace(USUAL, **change)).warnings)


@pytest.mark.parametrize(
    ("servers", "load", "chance"),
    [
        (1, 0.5, 0.5),
        (1, 0.8, 0.8),
        (2, 1.0, 1 / 3),
        (10, 8.0, 0.4092),
        (100, 90.0, 0.2168),
        (5, 0.0, 0.0),
        (2, 2.0, 1.0),
    ],
)
def test_erlangs_formula(servers: int, load: float, chance: float) -> None:
    assert erlang_c(servers, load) == pytest.approx(chance, abs=5e-4)


def test_waits() -> None:
    assert wait(1, 0.5, 2.0) == pytest.approx(2.0 / 0.5 * math.log(0.5 / 0.01))
    assert wait(50, 10.0, 2.0) == 0.0  # fewer than one of 100 wait at all
    assert wait(2, 0.0, 2.0) == 0.0
    assert math.isinf(wait(2, 2.0, 1.0))


def test_figures_that_are_no_measurements_are_what_the_code_says() -> None:
    streams = {stream.name: stream for stream in topology.STREAMS}
    for name in ("mailbox", "events"):
        stream = streams[getattr(subjects, name.upper())]
        assert FIGURES[f"{name}_age_s"].value == stream.max_age_s
        assert FIGURES[f"{name}_gb"].value == pytest.approx(stream.max_bytes / 1e9, abs=1e-3)
    assert FIGURES["transcripts_gb"].value == pytest.approx(streams[subjects.TRANSCRIPTS].max_bytes / 1e9, abs=1e-3)
    assert FIGURES["partitions"].value == subjects.PARTITIONS
    assert FIGURES["pcm_kb_s"].value == SAMPLE_RATE * BYTES_PER_SAMPLE / 1000
