from __future__ import annotations

import math

from ingress.admin.figures import LAG, REFUSED, WINDOW_S, Growth, Quantiles, labels


def bucket(bound: str, what: str = "transcript") -> str:
    return f'{LAG}_bucket{{le="{bound}",what="{what}"}}'


def refused(reason: str) -> str:
    return f'{REFUSED}{{reason="{reason}"}}'


def grown(*told: tuple[float, str, dict[str, float]]) -> Growth:
    growth = Growth()
    for at, process, values in told:
        growth.take(process, values)
        growth.mark(at)
    return growth


def test_labels_are_read_with_what_is_escaped_in_them() -> None:
    assert labels('x{le="0.5",what="a\\"b,c"}') == {"le": "0.5", "what": 'a\\"b,c'}
    assert labels("x") == {}


def test_what_was_before_the_first_look_counts_for_nothing() -> None:
    before = {refused("full"): 100.0, refused("new"): 1.0}
    growth = grown((0, "a", before), (10, "a", before | {refused("full"): 105}))
    assert growth.rate(REFUSED) == 0.5
    assert growth.rates_by(REFUSED, "reason") == {"full": 30.0}
    assert growth.rate(REFUSED, reason="other") == 0.0


def test_nothing_is_known_before_two_moments() -> None:
    assert (Growth().rate(REFUSED), Growth().seconds, Growth().quantiles(LAG)) == (0.0, 0.0, None)
    assert grown((0, "a", {refused("full"): 1})).rates_by(REFUSED, "reason") == {}


def test_a_process_that_dies_or_begins_again_takes_nothing_back() -> None:
    growth = grown(
        (0, "a", {refused("full"): 50}),
        (0, "b", {refused("full"): 50}),
        (5, "a", {refused("full"): 54}),
        (6, "a", {refused("full"): 2}),  # it began again, and counted two
    )
    growth.forget(["a"])
    growth.take("b", {refused("full"): 3})  # a new one of that name: it begins here
    growth.mark(10)
    assert sum(growth.grown(REFUSED).values()) == 6
    growth.take("b", {refused("full"): 4, refused("new"): 2})
    growth.mark(11)
    assert growth.grown(REFUSED) == {refused("full"): 7, refused("new"): 2}


def test_only_the_window_counts() -> None:
    growth = grown((0, "a", {refused("full"): 0}), (1, "a", {refused("full"): 60}))
    growth.mark(1 + WINDOW_S)
    assert growth.rate(REFUSED) == 0.0


def test_quantiles_are_those_of_prometheus() -> None:
    nothing = {bucket("0.5"): 0.0, bucket("1.0"): 0.0, bucket("+Inf"): 0.0, bucket("1.0", "speech"): 0.0}
    counted = {bucket("0.5"): 50.0, bucket("1.0"): 98.0, bucket("+Inf"): 100.0, bucket("1.0", "speech"): 9.0}
    growth = grown((0, "a", nothing), (1, "a", nothing))
    assert growth.quantiles(LAG, what="transcript") is None
    growth = grown((0, "a", nothing), (1, "a", counted))
    assert growth.quantiles(LAG, what="transcript") == Quantiles(0.5, 0.969, 1.0)


def test_of_two_processes_the_buckets_are_added() -> None:
    nothing = {bucket("1.0"): 0.0, bucket("2.0"): 0.0}
    growth = grown((0, "a", nothing), (0, "b", nothing), (1, "a", {bucket("1.0"): 1.0, bucket("2.0"): 1.0}))
    growth.take("b", {bucket("1.0"): 0.0, bucket("2.0"): 1.0})
    growth.mark(2)
    found = growth.quantiles(LAG, what="transcript")
    assert found is not None
    assert (found.p50, round(found.p99, 2)) == (1.0, 1.98)
    assert not math.isinf(found.p99)
