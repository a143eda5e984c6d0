from __future__ import annotations

import pytest

from node_runtime import timings
from wire import metrics
from wire.messages import JobDone


def total(name: str, **labels: str) -> float:
    return metrics.NODE.get_sample_value(name, labels) or 0.0


def test_the_time_of_each_stage_is_told_and_no_stage_that_nobody_knows() -> None:
    before = [total("dragoman_stage_seconds_sum", stage=stage) for stage in timings.STAGES]
    seconds = {"asr": 0.5, "translate": 0.25, "made up": 9.0}
    timings.spent(JobDone(job="s.1", utterance=1, attempt=1, node="n", seconds=seconds))
    after = [total("dragoman_stage_seconds_sum", stage=stage) for stage in timings.STAGES]
    assert [now - then for now, then in zip(after, before, strict=True)] == pytest.approx([0.5, 0.25, 0.0])
    assert metrics.NODE.get_sample_value("dragoman_stage_seconds_count", {"stage": "made up"}) is None


def test_attempts_are_told_by_how_they_ended() -> None:
    before = total("dragoman_job_seconds_sum", outcome="failed")
    timings.ended("failed", 1.5)
    assert total("dragoman_job_seconds_sum", outcome="failed") - before == pytest.approx(1.5)
