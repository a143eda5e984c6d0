from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import trace

names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)


@given(names, st.integers(1, 10_000), st.floats(0, 1))
def test_whoever_asks_gets_the_same_answer(session: str, utterance: int, ratio: float) -> None:
    found = trace.trace_id(session, utterance)
    assert found == trace.trace_id(session, utterance)
    assert 0 < found < 1 << 128
    assert 0 < trace.span_id(session, utterance) < 1 << 64
    assert trace.sampled(found, 1.0)
    assert not trace.sampled(found, 0.0)
    assert not trace.sampled(found, ratio) or trace.sampled(found, min(1.0, ratio * 1.5))


def test_ids_tell_sessions_utterances_and_spans_apart() -> None:
    pairs = [("s1", 1), ("s1", 2), ("s1", 11), ("s11", 1), ("s2", 1)]
    assert len({trace.trace_id(*pair) for pair in pairs}) == len(pairs)
    spans = {trace.span_id(*pair, what) for pair in pairs for what in (trace.ROOT, "dispatch.1", "dispatch.2")}
    assert len(spans) == 3 * len(pairs)


def test_ids_stay_as_they_are_from_version_to_version() -> None:
    """Processes of two versions are in one trace while a fleet is upgraded."""
    assert trace.shown(trace.trace_id("s0123456789abcdef", 1)) == "ecc71f8dc742043faf34967ad099d6a3"
    assert f"{trace.span_id('s0123456789abcdef', 1):016x}" == "173d287696f89a38"
    assert f"{trace.span_id('s0123456789abcdef', 1, 'dispatch.1'):016x}" == "ad62102c1b1aa0df"


def test_a_ratio_is_kept_by_the_many() -> None:
    sampled = sum(trace.sampled(trace.trace_id("s1", number), 0.1) for number in range(1, 5001))
    assert 400 < sampled < 600


def test_the_ratio_is_read_as_opentelemetry_reads_it() -> None:
    from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

    theirs = TraceIdRatioBased(0.3)
    for number in range(1, 500):
        found = trace.trace_id("s1", number)
        taken = theirs.should_sample(None, found, "utterance").decision is Decision.RECORD_AND_SAMPLE
        assert trace.sampled(found, 0.3) is taken


def test_a_header_is_read_as_it_was_written() -> None:
    found, span = trace.trace_id("s1", 1), trace.span_id("s1", 1)
    header = trace.written(found, span)
    assert header == f"00-{trace.shown(found)}-{span:016x}-01"
    assert trace.parent_in({trace.TRACEPARENT: header}) == span


@pytest.mark.parametrize("header", ["", "00-xyz-1-01", "00-" + "0" * 32 + "-" + "1" * 15 + "-01"])
def test_a_header_that_cannot_be_read_names_no_parent(header: str) -> None:
    assert trace.parent_in({trace.TRACEPARENT: header}) == 0
    assert trace.parent_in({}) == 0


@pytest.mark.parametrize(
    ("fields", "about"),
    [
        ({"session": "s1", "utterance": 3, "event": "x"}, ("s1", 3)),
        ({"job": "s1.3"}, ("s1", 3)),
        ({"session": "s1"}, None),
        ({"job": "warm-up"}, None),
        ({"job": "s1.x"}, None),
        ({"event": "x"}, None),
    ],
)
def test_a_log_line_that_names_an_utterance_belongs_to_its_trace(
    fields: dict[str, object], about: tuple[str, int] | None
) -> None:
    assert trace.of_line(fields) == (trace.trace_id(*about) if about else None)
