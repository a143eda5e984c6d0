"""How long attempts take on a node, told to the histograms of `wire.metrics`."""

from __future__ import annotations

from wire import metrics
from wire.messages import JobDone

STAGES = ("asr", "translate", "speech")

_STAGES = {stage: metrics.STAGE.labels(stage) for stage in STAGES}
_JOBS = {outcome: metrics.JOB.labels(outcome) for outcome in ("done", "failed", "returned", "given_back")}


def spent(done: JobDone) -> None:
    """An attempt took so long in the engines."""
    for stage, seconds in done.seconds.items():
        if stage in _STAGES:
            _STAGES[stage].observe(seconds)


def ended(outcome: str, seconds: float) -> None:
    """An attempt has, after so long. Outcomes are those of node_runtime.errand."""
    _JOBS[outcome].observe(seconds)
