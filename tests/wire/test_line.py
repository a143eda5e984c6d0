from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.line import EVEN, fits, held, load, order, price, turns, wants
from wire.options import Options
from wire.records import AdmissionRecord, Held, LineRecord, PoolUse, Prices, Ticket

PRICES = Prices(session=0.5, target=0.25, spoken=0.125)


def ticket(id: str, tenant: str = "a", since: float = 0.0, targets: int = 0, spoken: int = 0) -> Ticket:
    return Ticket(id=id, tenant=tenant, since=since, targets=targets, spoken=spoken)


def line(ingress: str, *waiting: Ticket, seen: int = 0, **has: Held) -> LineRecord:
    return LineRecord(ingress=ingress, seen=seen, held=has, waiting=list(waiting))


def ids(*lines: LineRecord, prices: Prices = EVEN) -> list[str]:
    return [each.id for _, each in order(lines, prices)]


def test_a_load_is_what_is_asked_for_at_the_prices() -> None:
    assert load(Held(sessions=2, targets=3, spoken=1), PRICES) == 2 * 0.5 + 3 * 0.25 + 0.125
    assert load(PoolUse(sessions=2, targets=3, spoken=1), PRICES) == load(Held(sessions=2, targets=3, spoken=1), PRICES)
    assert price(ticket("x", targets=2, spoken=1), PRICES) == 0.5 + 2 * 0.25 + 0.125
    both = line("i", a=Held(sessions=1, targets=2), b=Held(sessions=2, spoken=1))
    assert held(both) == Held(sessions=3, targets=2, spoken=1)


@pytest.mark.parametrize(
    ("targets", "speech", "options", "wanted"),
    [
        (["en", "fr"], False, Options(), (2, 0)),
        (["en", "fr"], True, Options(), (2, 2)),
        (["en", "fr"], True, Options(spoken=["fr", "de"]), (2, 1)),
        (["en", "fr"], True, Options(between=["en", "fr"]), (1, 1)),
        ([], True, Options(), (0, 0)),
    ],
)
def test_what_a_session_wants(targets: list[str], speech: bool, options: Options, wanted: tuple[int, int]) -> None:
    assert wants(targets, speech, options) == wanted


def test_nobody_waits() -> None:
    assert order([line("i"), line("j", a=Held(sessions=3))]) == []


def test_within_a_tenant_who_came_first_is_first_wherever_they_wait() -> None:
    first, second, third = ticket("x", since=1), ticket("w", since=2), ticket("y", since=3)
    assert order([line("i", third, first), line("j", second)]) == [("i", first), ("j", second), ("i", third)]


def test_tenants_take_turns_and_who_has_nothing_yet_is_before_a_crowd() -> None:
    crowd = [ticket(f"a{n}", since=n) for n in range(3)]
    assert ids(line("i", *crowd), line("j", ticket("b0", "b", 10), ticket("b1", "b", 11))) == [
        "a0",
        "b0",
        "a1",
        "b1",
        "a2",
    ]


def test_what_a_tenant_holds_anywhere_counts_against_it() -> None:
    lines = (
        line("i", ticket("a0", since=0), ticket("b0", "b", 5), a=Held(sessions=1)),
        line("j", ticket("b1", "b", 6), a=Held(sessions=1)),
        line("k", c=Held(sessions=9)),
    )
    assert ids(*lines) == ["b0", "b1", "a0"]


def test_fair_is_by_load_and_not_by_heads() -> None:
    large = [ticket(f"a{n}", since=n, targets=2) for n in range(2)]
    small = [ticket(f"b{n}", "b", since=10 + n) for n in range(3)]
    assert ids(line("i", *large, *small), prices=PRICES) == ["a0", "b0", "b1", "a1", "b2"]


def test_ties_go_by_time_and_then_by_name() -> None:
    lines = line("i", ticket("z", "c", 1), ticket("y", "a", 1)), line("j", ticket("y", "b", 1), ticket("x", "d", 2))
    assert [(where, each.tenant) for where, each in order(lines)] == [("i", "a"), ("j", "b"), ("i", "c"), ("j", "d")]
    assert order(lines) == order(lines[::-1])


crowds = st.lists(
    st.tuples(st.sampled_from("ijk"), st.sampled_from("abcd"), st.integers(0, 9), st.integers(0, 3)), max_size=25
)
holdings = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 5))


@given(crowds, holdings)
def test_everybody_is_in_it_once_and_the_next_is_always_of_who_has_least(
    crowd: list[tuple[str, str, int, int]], holding: dict[str, int]
) -> None:
    waiting = [(at, ticket(str(n), who, since, targets)) for n, (at, who, since, targets) in enumerate(crowd)]
    holds = {who: Held(sessions=count) for who, count in holding.items()}
    lines = [LineRecord(ingress=at, waiting=[each for there, each in waiting if there == at]) for at in "ijk"]
    lines.append(LineRecord(ingress="l", held=holds))
    found = order(lines, PRICES)
    assert Counter((at, each.id) for at, each in found) == Counter((at, each.id) for at, each in waiting)
    has = {who: load(holds.get(who, Held()), PRICES) for who in "abcd"}
    for place, (_, each) in enumerate(found):
        behind = [other for _, other in found[place + 1 :]]
        assert all((has[each.tenant], each.since) <= (has[other.tenant], other.since) or each.tenant == other.tenant
                   for other in behind)  # fmt: skip
        assert all(each.since <= other.since for other in behind if other.tenant == each.tenant)
        has[each.tenant] += price(each, PRICES)


def test_a_long_line_costs_milliseconds() -> None:
    lines = [line(f"i{at}", *(ticket(f"{at}-{n}", f"t{n % 40}", n) for n in range(500))) for at in range(4)]
    took = []
    for _ in range(5):
        since = time.perf_counter()
        assert len(order(lines, PRICES)) == 2000
        assert next(turns(lines, PRICES))[1].id == "0-0"
        took.append(time.perf_counter() - since)
    assert min(took) < 0.03


def admission(limit: float, capacity: float = 9.0, closed: str = "") -> AdmissionRecord:
    return AdmissionRecord(
        round=1, by="s", capacity=capacity, used=0, streams=0, prices=PRICES, limits={"i": limit}, closed=closed
    )


@pytest.mark.parametrize(("limit", "fit"), [(1.0, True), (1.0 - 1e-9, True), (0.99, False), (0.0, False)])
def test_one_is_let_in_while_the_limit_is_not_passed(limit: float, fit: bool) -> None:
    assert fits(line("i", a=Held(sessions=1)), ticket("x"), admission(limit)) is fit


def test_nobody_is_let_in_where_there_is_no_limit_or_it_is_closed() -> None:
    assert not fits(line("j"), ticket("x"), admission(5.0))
    assert not fits(line("i"), ticket("x"), admission(5.0, closed="no node is ready"))


def test_one_that_is_larger_than_all_there_is_comes_in_alone() -> None:
    huge = ticket("x", targets=20)
    assert fits(line("i"), huge, admission(2.0, capacity=2.0))
    assert not fits(line("i", a=Held(sessions=1)), huge, admission(2.0, capacity=2.0))
