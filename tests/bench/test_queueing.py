"""The simulated pool beside what theory knows of it."""

from __future__ import annotations

import pytest

from bench.queueing import Case, among, simulate
from bench.rows import percentile
from cli.planning import erlang_c, wait


@pytest.mark.parametrize(("nodes", "slots", "utilization"), [(2, 1, 0.6), (3, 2, 0.8), (5, 2, 0.7)])
def test_waits_are_those_of_erlangs_formula(nodes: int, slots: int, utilization: float) -> None:
    case = Case(nodes, slots, utilization, jobs=30_000)
    found, load = simulate(case), case.servers * utilization
    chance = erlang_c(case.servers, load)
    assert found.waited == pytest.approx(chance, rel=0.1)
    mean = chance * case.job_s / (case.servers - load)
    assert sum(found.waits) / len(found.waits) == pytest.approx(mean, rel=0.2)
    assert percentile(found.waits, 0.99) == pytest.approx(wait(case.servers, load, case.job_s), rel=0.2)


def test_to_ask_a_few_costs_no_waiting() -> None:
    """Where all are full but one, it is found all the same."""
    case = Case(40, 1, 0.9, jobs=8000)
    everybody, few = simulate(case), simulate(case, among(8))
    assert few.waited == pytest.approx(everybody.waited, abs=0.05)
    assert few.waited == pytest.approx(erlang_c(40, 36.0), abs=0.08)


def test_schedulers_that_see_late_lose_slots_and_fewer_where_few_are_asked() -> None:
    alone = simulate(Case(60, 2, 0.7, jobs=1500, delay_s=0.02))
    crowd = Case(60, 2, 0.7, jobs=1500, schedulers=8, delay_s=0.02)
    everybody, few = simulate(crowd), simulate(crowd, among(8))
    assert alone.conflicts < few.conflicts < everybody.conflicts
    assert all(job >= 0 for job in everybody.waits)


def test_a_session_comes_back_to_its_node_where_that_is_as_free_as_others() -> None:
    found = simulate(Case(4, 4, 0.1, jobs=2000, sessions=5))
    assert found.returning > 1900
    assert found.again / found.returning > 0.5


def test_the_same_seed_gives_the_same_life() -> None:
    case = Case(3, 2, 0.8, jobs=500)
    assert simulate(case) == simulate(case)
