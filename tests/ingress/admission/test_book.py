from __future__ import annotations

import pytest

from ingress.admission.book import GOOD_S, Book, size_of
from ingress.wishes import Wishes
from wire.options import Options
from wire.records import AdmissionRecord, Held, LineRecord, Prices, Ticket
from wire.topology import LINE_TTL_S

ONE = Held(sessions=1)


def admission(limit: float, round: int = 1, **fields: object) -> AdmissionRecord:
    given = {"capacity": 10.0, "used": 0.0, "streams": 10.0, "prices": Prices(session=1.0, target=0.5), **fields}
    return AdmissionRecord(round=round, by="s", limits={"me": limit}, **given)  # type: ignore[arg-type]


def book(limit: float | None = None, most: int = 100) -> Book:
    """Others know of it since 0."""
    made = Book("me", most)
    made.told(0)
    made.obey(admission(limit) if limit is not None else None)
    return made


def ticket(id: str, tenant: str = "a", since: float = 0, targets: int = 0) -> Ticket:
    return Ticket(id=id, tenant=tenant, since=since, targets=targets)


def other(*waiting: Ticket, **held: Held) -> LineRecord:
    return LineRecord(ingress="other", held=held, waiting=list(waiting))


@pytest.mark.parametrize(
    ("wishes", "targets", "spoken"),
    [
        (Wishes(), 0, 0),
        (Wishes("fr", ["en", "de"], True), 2, 2),
        (Wishes("fr", ["en", "de"], False), 2, 0),
        (Wishes("fr", ["en", "de"], True, Options(spoken=["en"])), 2, 1),
        (Wishes("auto", ["en", "de"], True, Options(between=["en", "de"])), 1, 1),
    ],
)
def test_a_session_is_as_large_as_what_it_asks_for(wishes: Wishes, targets: int, spoken: int) -> None:
    assert size_of(wishes) == Held(sessions=1, targets=targets, spoken=spoken)


def test_somebody_new_comes_in_while_there_is_room() -> None:
    made = book(2.5)
    assert made.has_room(Held(sessions=1, targets=2), 0)
    made.hold("a", Held(sessions=1, targets=2))
    assert not made.has_room(ONE, 0)
    made.hold("a", ONE)
    made.release("a", Held(sessions=1, targets=2))
    assert made.record().held == {"a": ONE}
    assert made.has_room(ONE, 0)
    made.release("a", ONE)
    assert made.record().held == {}


def test_nobody_comes_in_before_somebody_has_said_how_many_may() -> None:
    made = book()
    assert made.advance(0) == ([], {})
    assert not made.has_room(ONE, 0)
    assert made.eta(0) is None
    made.wait(ticket("1"))
    assert made.advance(0) == ([], {"1": 0})
    made.obey(admission(1))
    assert made.advance(0) == ([ticket("1")], {})


def test_schedulers_that_know_of_no_line_let_in_as_many_as_one_ingress_takes() -> None:
    made = book(most=1)
    made.unruled = True
    assert made.has_room(ONE, 0)
    made.hold("a", ONE)
    assert not made.has_room(ONE, 0)
    made.release("a", ONE)
    made.obey(admission(0))
    assert not made.has_room(ONE, 0)


def test_nobody_comes_in_past_those_who_wait_anywhere() -> None:
    made = book(1)
    made.wait(ticket("1"))
    assert not made.has_room(ONE, 0)
    made.leave("1")
    made.leave("1")
    assert made.has_room(ONE, 0)
    made.hear("other", other(ticket("2")), 0)
    assert not made.has_room(ONE, 0)


def test_whose_turn_it_is_comes_in_and_who_is_granted_a_place() -> None:
    made = book(2)
    made.hear("other", other(ticket("0", since=0)), 0)
    for n in range(1, 4):
        made.wait(ticket(str(n), since=n))
    assert made.advance(0) == ([], {"1": 1, "2": 2, "3": 3})
    made.obey(admission(2, 2, granted=["0", "2"]))
    assert made.advance(0) == ([ticket("2", since=2)], {"1": 1, "3": 2})
    made.hear("other", None, 0)
    assert made.advance(0) == ([ticket("1", since=1)], {"3": 0})


def test_nobody_comes_in_over_what_one_ingress_takes() -> None:
    made = book(10, most=1)
    made.hold("a", ONE)
    made.wait(ticket("1"))
    assert made.advance(0) == ([], {"1": 0})
    made.release("a", ONE)
    assert made.advance(0) == ([ticket("1")], {})


def test_nobody_comes_in_while_nobody_can_know() -> None:
    made = book(1)
    assert made.has_room(ONE, GOOD_S - 0.01)
    assert made.lapsed(GOOD_S)
    assert not made.has_room(ONE, GOOD_S)
    made.told(GOOD_S)
    assert made.has_room(ONE, GOOD_S)


def test_tenants_take_turns_and_places_are_counted_over_all() -> None:
    made = book(2)
    for id, since in (("1", 1), ("2", 2), ("3", 3)):
        made.wait(ticket(id, "a", since))
    made.wait(ticket("4", "b", 4))
    made.hear("other", other(ticket("5", "b", 5), ticket("6", "c", 6)), 0)
    assert made.crowd() == 6
    let_in, ahead = made.advance(0)
    assert let_in == [ticket("1", "a", 1), ticket("4", "b", 4)]
    assert ahead == {"2": 1, "3": 3}  # c, a, b, a: those who came in hold what they have
    assert made.record().held == {"a": ONE, "b": ONE}
    assert [each.id for each in made.record().waiting] == ["2", "3"]
    assert made.advance(0) == ([], {"2": 1, "3": 3})


def test_no_tenant_fills_the_line_for_the_others() -> None:
    made = book(0)
    for number in range(4):
        assert made.may_wait("a", 8)
        made.wait(ticket(f"a{number}", "a"))
    made.hear("other", other(*(ticket(f"o{number}", "a") for number in range(4))), 0)
    assert not made.may_wait("a", 8)
    for tenant, share in (("b", 4), ("c", 2), ("d", 2)):
        for number in range(share):
            assert made.may_wait(tenant, 8), (tenant, number)
            made.wait(ticket(f"{tenant}{number}", tenant))
        assert not made.may_wait(tenant, 8)
    assert not made.may_wait("e", 4), "there is a place for each of four tenants, and e is the fifth"


def test_a_large_one_that_does_not_fit_is_not_overtaken() -> None:
    made = book(2)
    made.hold("z", ONE)
    made.wait(ticket("large", since=1, targets=4))
    made.wait(ticket("small", since=2))
    assert made.advance(0) == ([], {"large": 0, "small": 1})
    made.release("z", ONE)
    assert made.advance(0) == ([], {"large": 0, "small": 1})
    made.obey(admission(4, 2))
    assert made.advance(0) == ([ticket("large", since=1, targets=4), ticket("small", since=2)], {})


def test_a_round_that_is_over_is_not_gone_back_to() -> None:
    made = book()
    assert made.record().seen == 0
    made.obey(admission(1, 7))
    made.obey(admission(5, 6))
    assert made.record().seen == 7
    made.hold("a", ONE)
    assert not made.has_room(ONE, 0)


def test_others_are_heard_until_they_are_silent_or_gone() -> None:
    made = book(1)
    made.hear("other", other(ticket("1")), 0)
    made.hear("gone", other(ticket("1")), 0)
    made.hear("me", LineRecord(ingress="me", waiting=[ticket("9")]), 0)
    assert made.crowd() == 2
    made.hear("gone", None, 1)
    made.forget(LINE_TTL_S)
    assert made.crowd() == 1
    made.forget(LINE_TTL_S + 0.1)
    assert made.crowd() == 0


def test_who_waits_is_told_for_how_long_where_that_is_known() -> None:
    made = book(1)
    assert (made.eta(0), made.retry_after()) == (None, 5)
    made.obey(admission(1, 2, a_minute=40.0))
    assert (made.eta(0), made.eta(3)) == (1.5, 6.0)
    assert made.retry_after() == 2
    made.hear("other", other(*(ticket(str(n)) for n in range(99))), 0)
    assert made.retry_after() == 60
    assert made.reason() == "there is no room for another session now: try again"
    made.obey(admission(1, 3, a_minute=40.0, closed="finals are late"))
    assert made.eta(0) is None
    assert not made.has_room(ONE, 0)
    assert made.reason() == "nobody is let in now: finals are late"
