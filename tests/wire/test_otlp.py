"""A collector that is away, or refuses."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
import structlog

from tests.collector import collecting
from tests.waiting import until
from wire.otlp import Recorder


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    level = logging.getLogger("opentelemetry").level
    yield
    logging.getLogger("opentelemetry").setLevel(level)


async def test_what_a_collector_refuses_is_lost_counted_and_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from wire import otlp

    monkeypatch.setattr(otlp, "BATCH_S", 0.05)
    async with collecting() as collector:
        collector.status = 400
        recorder = Recorder("toy", collector.url + "/v1/traces", 1.0)

        async def lost() -> bool:
            return recorder.lost >= 2

        with structlog.testing.capture_logs() as logs:
            for number in (1, 2):
                recorder.record("utterance", number, number, 0, 1.0, 2.0, "", {})
                before = collector.asked

                async def asked(before: int = before) -> bool:
                    return collector.asked > before

                await until(asked)
            await until(lost)
            collector.status = 200
            recorder.record("utterance", 3, 3, 0, 1.0, 2.0, "", {})
            await collector.has("utterance")
        recorder.end()
    assert recorder.lost == 2
    assert [(line["process"], line["lost"]) for line in logs if "otlp_endpoint" in line["event"]] == [("toy", 1)]


def test_recording_waits_for_nobody() -> None:
    """Nobody listens there, and more is recorded than may wait: what does not fit goes."""
    recorder = Recorder("toy", "http://127.0.0.1:1/v1/traces", 1.0)
    before = time.perf_counter()
    for number in range(1, 6001):
        recorder.record("utterance", number, number, 0, 1.0, 2.0, "", {"n": number})
    assert time.perf_counter() - before < 60.0, "a hundredth of a second for each, and no machine is that slow"
