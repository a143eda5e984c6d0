"""What a run must show, or `dragoman bench` ends with 1. PURE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.load.report import Expectation, Phase, Process


@dataclass(frozen=True)
class Expected:
    """None: nothing is expected of it. `success` is a share of those that were let in or left without an answer,
    `memory` MB of each ingress and scheduler together at their peaks, `effect` by how many times the p99 of the lag
    may grow from the first phase to the last."""

    success: float | None = None
    answered_within: float | None = None
    admitted: int | None = None
    lag_p99: float | None = None
    memory_mb: float | None = None
    effect: float | None = None


def judged(expected: Expected, phases: Sequence[Phase], processes: Sequence[Process]) -> list[Expectation]:
    found: list[Expectation] = []

    def add(what: str, asked: str, told: str, held: bool) -> None:
        found.append(Expectation(what=what, asked=asked, found=told, held=held))

    for each in phases:
        where = f" ({each.name})" if len(phases) > 1 else ""
        if expected.success is not None:
            share = each.success_rate
            add("success" + where, f"≥ {expected.success:.1%}", f"{share:.2%}", share >= expected.success)
        if expected.answered_within is not None:
            slowest, unanswered = each.answered.max, each.unanswered
            told = f"{slowest:.2f} s" + (f", {unanswered} never" if unanswered else "")
            held = not unanswered and slowest <= expected.answered_within
            add("all answered" + where, f"≤ {expected.answered_within:g} s", told, held)
        if expected.admitted is not None:
            add("let in" + where, f"≥ {expected.admitted}", str(each.admitted), each.admitted >= expected.admitted)
        if expected.lag_p99 is not None and each.lag.count:
            held = each.lag.p99 <= expected.lag_p99
            add("final lag, p99" + where, f"≤ {expected.lag_p99:g} s", f"{each.lag.p99:.2f} s", held)
    if expected.memory_mb is not None:
        peak = sum(each.memory_peak for each in processes if each.name.startswith(("ingress", "scheduler")))
        told = f"{peak:.0f} MB" if processes else "not known: the processes are elsewhere"
        held = bool(processes) and peak <= expected.memory_mb
        add("memory of ingress and scheduler, peak", f"≤ {expected.memory_mb:g} MB", told, held)
    if expected.effect is not None and len(phases) > 1 and phases[0].lag.p99:
        times = phases[-1].lag.p99 / phases[0].lag.p99
        add(
            "final lag, p99, beside the first phase",
            f"≤ {expected.effect:g} times",
            f"{times:.2f}",
            times <= expected.effect,
        )
    return found
