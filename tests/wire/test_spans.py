from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator

import pytest

from tests.collector import collecting
from wire import spans, trace
from wire.env import Settings
from wire.errors import SettingsError


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    """No test leaves tracing on, nor OpenTelemetry's logger silent, for another."""
    level = logging.getLogger("opentelemetry").level
    yield
    spans.end()
    logging.getLogger("opentelemetry").setLevel(level)


def test_without_a_collector_nothing_is_recorded_or_imported() -> None:
    spans.configure("toy", Settings())
    spans.configure("toy", Settings(otlp_endpoint="http://127.0.0.1:1", trace_ratio=0.0))
    assert not spans.on()
    assert spans.headers("s1", 1) == {}
    assert spans.lost() == 0
    spans.record("utterance", "s1", 1, 1.0, 2.0)
    spans.end()


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://collector", "http://"])
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="otlp_endpoint is no address"):
        spans.configure("toy", Settings(otlp_endpoint=endpoint))


def test_an_endpoint_without_the_extra_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wire.otlp", None)
    with pytest.raises(SettingsError, match=r"pip install 'dragoman\[otel\]'"):
        spans.configure("toy", Settings(otlp_endpoint="http://127.0.0.1:1"))


async def test_spans_arrive_under_the_ids_that_everybody_knows() -> None:
    async with collecting() as collector:
        spans.configure("dragoman toy", Settings(otlp_endpoint=collector.url + "/"))
        assert spans.on()
        now = time.time()
        child = spans.fresh()
        spans.record("child", "s1", 7, now - 1, now, span=child, error="engine_failed", about={"attempt": 2})
        spans.record("grandchild", "s1", 7, now, now - 5, parent=child)
        spans.record("utterance", "s1", 7, now - 2, now, span=trace.span_id("s1", 7), parent=0)
        await collector.has("utterance")
        by_name = {span.name: span for span in collector.spans}
        root, found, below = by_name["utterance"], by_name["child"], by_name["grandchild"]
        assert {span.trace for span in collector.spans} == {trace.shown(trace.trace_id("s1", 7))}
        assert {span.process for span in collector.spans} == {"dragoman-toy"}
        assert (root.id, root.parent) == (f"{trace.span_id('s1', 7):016x}", "")
        assert (found.id, found.parent) == (f"{child:016x}", root.id)
        assert below.parent == found.id
        assert (found.error, root.error) == ("engine_failed", "")
        assert found.about == {"attempt": 2, "session": "s1", "utterance": 7}
        assert found.end - found.start == pytest.approx(1.0, abs=1e-3)
        assert below.end == below.start  # clocks of two hosts: never before it began


async def test_an_endpoint_may_name_the_path() -> None:
    async with collecting() as collector:
        spans.configure("toy", Settings(otlp_endpoint=collector.url + "/v1/traces"))
        spans.record("utterance", "s1", 1, 1.0, 2.0)
        await collector.has("utterance")


async def test_what_is_left_is_sent_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from wire import otlp

    monkeypatch.setattr(otlp, "BATCH_S", 3600.0)
    async with collecting() as collector:
        spans.configure("toy", Settings(otlp_endpoint=collector.url))
        spans.record("utterance", "s1", 1, 1.0, 2.0)
        await asyncio.to_thread(spans.end)
        assert [span.name for span in collector.spans] == ["utterance"]
        assert not spans.on()


def test_only_the_share_that_was_asked_for_is_recorded() -> None:
    spans.configure("toy", Settings(otlp_endpoint="http://127.0.0.1:1", trace_ratio=0.5))
    headers = [spans.headers("s1", number) for number in range(1, 101)]
    assert [bool(each) for each in headers] == [trace.sampled(trace.trace_id("s1", n), 0.5) for n in range(1, 101)]
    assert 30 < sum(map(bool, headers)) < 70
    first = next(number for number, each in enumerate(headers, 1) if each)
    assert headers[first - 1] == {"traceparent": trace.written(trace.trace_id("s1", first), trace.span_id("s1", first))}
    assert trace.parent_in(spans.headers("s1", first, 5)) == 5
