"""Arithmetic of the report, its JSON, its page and its text."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import msgspec
import pytest

from bench.load import expecting, judging, page, text
from bench.load.expecting import Expected
from bench.load.plan import Told, Visit
from bench.load.report import (
    Generator,
    Machine,
    Phase,
    Process,
    Report,
    Series,
    Summary,
    phase,
    summary,
    thinned,
    written,
)
from tests.bench.load.made import SCRIPT, final, good, told


def made(*clients: Told) -> Phase:
    return phase("streams", clients, [judging.judge(client, SCRIPT, (), 2.0) for client in clients])


def test_a_summary_has_nearest_rank_percentiles() -> None:
    found = summary([float(value) for value in range(1, 101)])
    assert found == Summary(count=100, mean=50.5, p50=50.0, p95=95.0, p99=99.0, max=100.0)
    assert summary([]) == Summary()
    assert summary([3.0]).p99 == 3.0


def test_few_are_chosen_evenly_with_both_ends() -> None:
    assert thinned([1.0, 2.0], 10) == [1.0, 2.0]
    found = thinned([float(value) for value in range(1000)], 11)
    assert (len(found), found[0], found[-1]) == (11, 0.0, 999.0)


def test_a_phase_counts_each_client_once() -> None:
    line = Told(3, 0, visits=[Visit(1.0, tried=1.0, answered=1.5, answer="line", position=9)], ended="still in line")
    refused = Told(4, 0, visits=[Visit(1.0, tried=1.0, answered=1.1, answer="refused")], ended="refused: full")
    never = Told(5, 0, visits=[Visit(1.0, tried=1.0)], ended="never answered")
    late = told(final(1), final(2, lag=4.0), place=2)
    waited = told(final(1), final(2), place=6, answer="line", answered=99.5, let_in=109.5)
    found = made(good(0), good(1), late, line, refused, never, waited)
    assert (found.clients, found.success, found.failed, found.in_line, found.refused) == (7, 3, 2, 1, 1)
    assert (found.admitted, found.unanswered, found.late, found.lost, found.utterances) == (4, 1, 1, 0, 8)
    assert found.success_rate == pytest.approx(3 / 5)
    assert found.reasons == {"late": 1, "never answered": 1}
    assert found.refusals == {"full": 1}
    assert found.lined_up.count == 2
    assert found.turned_away.max == pytest.approx(0.1)
    assert found.waited.max == pytest.approx(10.0)
    assert found.lag.max == pytest.approx(4.0)


def test_where_nobody_was_let_in_nothing_was_shown() -> None:
    assert made().success_rate == 0.0


def test_the_second_visit_counts_those_who_came_twice() -> None:
    once = good(0)
    twice = good(1)
    twice.visits.append(Visit(200.0, tried=203.0, answered=203.5, answer="started", let_in=203.5))
    verdicts = [judging.judge(client, SCRIPT, (), 2.0) for client in (once, twice)]
    found = phase("after the kill", [once, twice], verdicts, visit=1)
    assert found.clients == 1
    assert found.answered.max == pytest.approx(0.5)
    assert found.away.max == pytest.approx(3.5)


@pytest.mark.parametrize(
    ("expected", "held"),
    [
        (Expected(), []),
        (Expected(success=1.0), [False]),
        (Expected(success=0.5), [True]),
        (Expected(answered_within=1.0), [True]),
        (Expected(answered_within=0.1), [False]),
        (Expected(admitted=2), [True]),
        (Expected(admitted=3), [False]),
        (Expected(lag_p99=2.0), [False]),
        (Expected(lag_p99=4.5), [True]),
        (Expected(memory_mb=150.0), [False]),
        (Expected(memory_mb=200.0), [True]),
    ],
)
def test_what_is_expected_is_held_or_broken(expected: Expected, held: list[bool]) -> None:
    processes = [Process(name="ingress-1", memory_peak=120.0), Process(name="scheduler-1", memory_peak=60.0),
                 Process(name="node-1", memory_peak=900.0)]  # fmt: skip
    found = expecting.judged(expected, [made(good(), told(final(1), final(2, 4.0)))], processes)
    assert [each.held for each in found] == held


def test_somebody_who_was_never_answered_was_not_answered_in_time() -> None:
    phases = [made(good(), Told(5, 0, visits=[Visit(1.0, tried=1.0)], ended="never answered"))]
    (found,) = expecting.judged(Expected(answered_within=9.0), phases, [])
    assert not found.held
    assert "1 never" in found.found


def test_an_effect_is_between_the_first_and_the_last_phase() -> None:
    phases = [made(told(final(1), final(2))), made(told(final(1), final(2, 1.5)))]
    assert [each.held for each in expecting.judged(Expected(effect=1.2), phases, [])] == [False]
    assert [each.held for each in expecting.judged(Expected(effect=1.6), phases, [])] == [True]


def test_memory_of_processes_elsewhere_cannot_be_expected() -> None:
    assert not expecting.judged(Expected(memory_mb=1e9), [], [])[0].held


def test_a_generator_that_was_late_says_so() -> None:
    assert "kept up" in Generator(late=Summary(count=9, p99=0.01), cpu=40.0).verdict
    assert "SATURATED" in Generator(late=Summary(count=9, p99=0.06), cpu=40.0).verdict
    assert "SATURATED" in Generator(late=Summary(count=9, p99=0.01), cpu=95.0).verdict


def report() -> Report:
    processes = [Process(name="ingress-1", cpu_mean=12.0, cpu_peak=34.0, memory_peak=567.0, cpu=[10.0, 34.0],
                         memory=[500.0, 567.0])]  # fmt: skip
    series = Series(outside=[1, 0], line=[0, 0], inside=[1, 2], refused=[0, 0], finals=[0, 4], lag_p50=[0.0, 1.0],
                    lag_p99=[0.0, 4.321])  # fmt: skip
    found = Report(
        kind="streams", command="dragoman bench streams --said '<b>&'", date="2026-11-22", version="0.1.0",
        commit="abc1234", machine=Machine(cpu="a CPU", cores=2), settings={"lag_s": "2.0"}, fleet="a fleet",
        seconds=61.0, phases=[made(good(), told(final(1), final(2, 4.321)))], processes=processes, series=series,
        busy=[50.0, 60.0], generator=Generator(processes=1), notes=["a note"], broken=["something <i>bad</i>"],
    )  # fmt: skip
    found.expectations = expecting.judged(Expected(success=1.0, lag_p99=5.0), found.phases, processes)
    return found


def test_json_is_the_report_again() -> None:
    data = written(report())
    again = msgspec.json.decode(data, type=Report)
    assert again == report()
    told = json.loads(data)
    assert told["schema"] == 1
    assert told["phases"][0]["lag"]["max"] == 4.321
    assert told["expectations"][0] == {"what": "success", "asked": "≥ 100.0%", "found": "50.00%", "held": False}
    assert not again.held


class Reader(HTMLParser):
    """Texts, tags that are open, and whatever would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)
        self.fetched += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing is open after it."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_has_the_figures_and_needs_nothing_else() -> None:
    reader = Reader()
    reader.feed(page.written(report()).decode())
    reader.close()
    assert reader.open == []
    assert reader.fetched == []
    shown = " ".join(reader.texts)
    for figure in ("50.00%", "4.321", "567 MB", "abc1234", "a note", "broken", "something <i>bad</i>", "'<b>&'"):
        assert figure in shown, figure
    assert page.written(report()).count(b"<svg") >= 5
    assert b"http://" not in page.written(report())
    assert b"prefers-color-scheme: dark" in page.written(report())


def test_the_text_has_them_too() -> None:
    shown = text.written(report())
    for figure in ("50.00%", "4.321", "567 MB", "abc1234", "a note", "BROKEN: success", "held: final lag", "late (1)"):
        assert figure in shown, figure
