"""Schedulers that contend are measured: each as a process of its own, on nodes that hold slots for a set time."""

from __future__ import annotations

from collections import Counter

import pytest

from bench import dispatch


async def test_two_schedulers_contend_for_eight_slots() -> None:
    load = dispatch.Load(sessions=48, seconds=4.0, schedulers=2)
    found = await dispatch.outcome(load)
    count, p50, p99 = found.latency()
    assert count.measured >= 24
    assert (p50.budget, p99.budget) == (None, 20.0)
    lanes, conflicts = found.places()
    assert 8 <= lanes.measured <= found.counters["jobs"] == lanes.reference
    assert found.counters["jobs_to_lane"] + found.counters["jobs_to_pool"] == found.counters["jobs"]
    assert found.counters["jobs"] == len(found.decided)
    assert 0 <= conflicts.measured <= 8 * found.counters["jobs"]


def test_the_load_keeps_three_of_four_slots_busy() -> None:
    few, many = dispatch.Load(slots=8), dispatch.Load(slots=200)
    assert (few.nodes, many.nodes) == (1, 25)
    utterances_a_second = few.sessions / (dispatch.CYCLE * dispatch.TICK_S)
    assert utterances_a_second * few.held_s == pytest.approx(0.75 * 8)
    assert utterances_a_second * many.held_s == pytest.approx(0.75 * 200)


def test_all_four_are_measured_and_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dispatch.Load] = []

    async def outcome(load: dispatch.Load) -> dispatch.Outcome:
        asked.append(load)
        return dispatch.Outcome(load, [0.03], [0.001], Counter(jobs=4, jobs_to_lane=3, slot_conflicts=2))

    monkeypatch.setattr(dispatch, "outcome", outcome)
    assert dispatch.main(["--seconds", "5"]) == 0
    assert {(load.schedulers, load.slots, load.seconds) for load in asked} == {
        (1, 8, 5.0), (4, 8, 5.0), (1, 200, 5.0), (4, 200, 5.0),
    }  # fmt: skip
    out = capsys.readouterr().out
    assert out.count("OVER") == 6, "p50 and p99 of one scheduler, p99 of four"
    assert "schedulers: 4, slots: 200" in out
