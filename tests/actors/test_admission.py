from __future__ import annotations

import msgspec
import pytest

from actors.admission import LATE, NO_NODE, Seen, Terms, decide
from actors.capacity import SPEECH_SHARE
from tests.actors.pools import line, node, ticket
from wire.line import fits
from wire.records import AdmissionRecord, Held, LineRecord, NodeRecord, PoolUse

TERMS = Terms(target_utilization=0.8)
NODE = node(rtf={"asr/m": 0.1 / SPEECH_SHARE, "translate/m": 0.0, "speech/m": 0.0})
"""One slot in use 80 % of the time, and a session that keeps 0.1 of a slot busy: eight sessions."""
TRANSLATOR = node(rtf={"asr/m": 0.1 / SPEECH_SHARE, "translate/m": 0.1 / SPEECH_SHARE, "speech/m": 0.0})


def see(*lines: LineRecord, nodes: int = 1, uses: tuple[PoolUse, ...] = ()) -> Seen:
    return Seen([node(f"n{n}", rtf=NODE.rtf) for n in range(nodes)], lines, uses)


def after(previous: AdmissionRecord | None, *lines: LineRecord, **seen: object) -> AdmissionRecord:
    return decide(previous, see(*lines, **seen), TERMS, "s1")  # type: ignore[arg-type]


def limits(record: AdmissionRecord) -> dict[str, float]:
    """In sessions."""
    return {name: round(limit / record.prices.session, 3) for name, limit in record.limits.items()}


def lowered(record: AdmissionRecord) -> dict[str, tuple[int, float]]:
    """By round, in sessions."""
    return {name: (late.round, round(late.most / record.prices.session, 3)) for name, late in record.lowered.items()}


def obeys(said: LineRecord, record: AdmissionRecord) -> LineRecord:
    return msgspec.structs.replace(said, seen=record.round)


def test_a_node_that_is_ready_makes_capacity_before_anybody_comes() -> None:
    record = after(None)
    assert (record.round, record.by, record.closed) == (1, "s1", "")
    assert (record.capacity, record.used, record.streams, record.limits) == (0.8, 0.0, 8.0, {})


def test_with_nobody_waiting_the_room_is_spread_in_advance() -> None:
    record = after(None, line("i"), line("j"), line("k", a=2))
    assert limits(record) == {"i": 2, "j": 2, "k": 4}
    assert sum(limits(record).values()) == record.streams
    assert record.lowered == {}


def test_limits_stay_while_they_are_about_even() -> None:
    lines = [line("i"), line("j")]
    first = after(None, *lines)
    second = after(first, obeys(line("i", a=2), first), obeys(line("j"), first))
    assert second.round == first.round
    assert limits(second) == limits(first) == {"i": 4, "j": 4}
    assert second.used == pytest.approx(0.2)
    third = after(second, obeys(line("i", a=4), first), obeys(line("j"), first))
    assert limits(third) == {"i": 4, "j": 2}, "what j had too much is taken, and given when j knows"
    assert lowered(third) == {"j": (third.round, 4)}
    fourth = after(third, obeys(line("i", a=4), third), obeys(line("j"), third))
    assert limits(fourth) == {"i": 6, "j": 2}
    assert fourth.lowered == {}


def test_who_waits_is_given_room_in_the_order_of_the_line_and_no_further_than_it_reaches() -> None:
    lines = [
        line("i", ticket("i1", since=1), ticket("i2", since=4), a=2),
        line("j", ticket("j1", since=2), ticket("j2", since=3), a=3),
        line("k"),
    ]
    record = decide(None, see(*lines), TERMS, "s1")
    assert limits(record) == {"i": 3, "j": 5, "k": 0}
    assert record.granted == ["i1", "j1", "j2"]
    assert fits(lines[0], lines[0].waiting[0], record)
    assert not fits(line("i", a=3), lines[0].waiting[1], record)


def test_what_is_taken_counts_until_it_is_known_and_is_given_then() -> None:
    first = after(None, line("i"), line("j"))
    crowd = line("i", *(ticket(f"t{n}", since=n) for n in range(9)), a=4, seen=first.round)
    second = after(first, crowd, line("j", seen=first.round))
    assert limits(second) == {"i": 4, "j": 0}
    assert lowered(second) == {"j": (2, 4)}
    again = after(second, obeys(crowd, second), line("j", seen=first.round))
    assert (limits(again), again.round) == ({"i": 4, "j": 0}, 2), "j may still let in four"
    late = after(second, obeys(crowd, second), line("j", a=1, seen=second.round))
    assert limits(late)["i"] == 7, "one came in at j before it knew"


def test_a_limit_that_is_not_known_to_be_lower_is_not_lowered_again() -> None:
    first = after(None, line("i"), line("j"))
    crowd = [ticket(f"t{n}", since=n) for n in range(9)]
    second = after(first, line("i", *crowd, a=4, seen=1), line("j", a=3, seen=1))
    assert limits(second) == {"i": 4, "j": 3}
    third = after(second, line("i", *crowd, a=4, seen=2), line("j", a=1, seen=1))
    assert third.limits == second.limits
    assert third.lowered == second.lowered
    fourth = after(third, line("i", *crowd, a=4, seen=2), line("j", a=1, seen=2))
    assert limits(fourth) == {"i": 5, "j": 1}
    assert lowered(fourth) == {"j": (3, 3)}


def test_the_first_for_whom_it_does_not_suffice_is_waited_for() -> None:
    large, small = ticket("large", since=1, targets=4), ticket("small", since=2)
    record = decide(None, Seen([TRANSLATOR], [line("i", large, small, a=6)]), TERMS, "s1")
    assert record.granted == []
    record = decide(None, Seen([TRANSLATOR], [line("i", large, small, a=3)]), TERMS, "s1")
    assert record.granted == ["large"]


def test_one_that_is_larger_than_the_pool_comes_in_alone() -> None:
    huge = line("i", ticket("huge", targets=50))
    assert decide(None, Seen([TRANSLATOR], [huge]), TERMS, "s1").granted == ["huge"]
    beside = [huge, line("j", a=1)]
    assert decide(None, Seen([TRANSLATOR], beside), TERMS, "s1").granted == []


def test_sessions_whose_ingress_died_count_as_long_as_schedulers_see_them() -> None:
    orphaned = (PoolUse(sessions=4), PoolUse(sessions=2))
    record = after(None, line("i", a=1), uses=orphaned)
    assert record.used == pytest.approx(0.6)
    assert limits(record) == {"i": 3}


def test_sessions_that_only_schedulers_see_say_what_is_usual() -> None:
    """In a pool that is slow there is a session for each slot: without a target if those that are there have none."""
    slow = [node(f"n{n}", rtf={"asr/m": 5.0, "translate/m": 5.0}) for n in range(3)]
    left = PoolUse(sessions=3, speech_share=SPEECH_SHARE)
    record = decide(None, Seen(slow, [line("j", ticket("t1"))], [left]), TERMS, "s1")
    assert (record.streams, record.used, record.capacity) == (3.0, 9.0, 9.0)
    assert (record.granted, limits(record)) == ([], {"j": 0})


def test_an_ingress_that_is_gone_leaves_its_room_to_others() -> None:
    first = after(None, line("i"), line("j"))
    second = after(first, line("i", seen=1, a=3))
    assert limits(second) == {"i": 8}


@pytest.mark.parametrize("nodes", [[], [node(ready=False)], [node(draining=True)]])
def test_without_a_node_nobody_is_let_in(nodes: list[NodeRecord]) -> None:
    first = after(None, line("i"))
    record = decide(first, Seen(nodes, [line("i", ticket("t"), a=2, seen=1)], []), TERMS, "s1")
    assert record.closed == NO_NODE
    assert limits(record) == {"i": 2}
    assert (record.capacity, record.prices) == (0.0, first.prices)
    assert limits(after(record, line("i", a=2, seen=2))) == {"i": 8}


def test_while_finals_wait_too_long_nobody_is_let_in_until_it_is_half_of_that() -> None:
    def wait(previous: AdmissionRecord, seconds: float) -> AdmissionRecord:
        uses = (PoolUse(sessions=1), PoolUse(sessions=1, wait_s=seconds))
        return after(previous, line("i", ticket("t"), a=2, seen=previous.round), uses=uses)

    record = after(None, line("i"))
    assert wait(record, 1.4).closed == ""
    record = wait(record, 1.6)
    assert (record.closed, limits(record)) == (LATE, {"i": 2})
    assert wait(record, 0.8).closed == LATE
    record = wait(record, 0.7)
    assert (record.closed, limits(record)) == ("", {"i": 8})


def test_when_capacity_shrinks_nobody_is_let_in_until_there_is_room() -> None:
    first = after(None, line("i", a=8), line("j", a=6), nodes=2)
    assert sum(limits(first).values()) == 16
    second = after(first, line("i", a=8, seen=1), line("j", a=6, seen=1))
    assert limits(second) == {"i": 8, "j": 6}
    assert (second.capacity, second.used) == (0.8, 1.4)
    third = after(second, line("i", ticket("t"), a=2, seen=2), line("j", a=5, seen=2))
    assert limits(third) == {"i": 3, "j": 5}


def test_rounds_begin_above_what_ingresses_have_seen() -> None:
    """NATS lost its store."""
    assert after(None, line("i", seen=41)).round == 42
    old = after(None, line("i"))
    assert after(old, line("i", seen=7)).round == 8


def test_what_is_only_to_be_read_makes_no_new_round() -> None:
    first = after(None, line("i"))
    record = decide(first, see(line("i", a=Held(sessions=1), seen=1)), TERMS, "s2", a_minute=3.25)
    assert (record.round, record.limits) == (first.round, first.limits)
    assert (record.by, record.used, record.a_minute) == ("s2", 0.1, 3.25)


def test_who_came_in_needs_no_new_round_and_who_comes_next_does() -> None:
    first = after(None, line("i", ticket("t"), a=7))
    assert first.granted == ["t"]
    second = after(first, line("i", a=8, seen=1))
    assert (second.round, second.granted) == (1, ["t"])
    third = after(second, line("i", ticket("u"), a=7, seen=1))
    assert (third.round, third.granted, limits(third)) == (2, ["u"], {"i": 8})
