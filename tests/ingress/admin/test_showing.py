from __future__ import annotations

import msgspec
import pytest

from ingress.admin import showing
from ingress.admin.showing import SessionBrief
from tests.wire.test_matching import NODE
from wire.options import Options
from wire.records import AdmissionRecord, DrainRecord, Held, LineRecord, Prices, SchedulerRecord, Ticket

B = msgspec.structs.replace(NODE, node="b", busy=1)
LINE = LineRecord(
    ingress="i", held={"t": Held(sessions=3), "u": Held(sessions=1)},
    waiting=[Ticket(id="x", tenant="t", since=90.0), Ticket(id="y", tenant="t", since=95.0)],
)  # fmt: skip


def test_a_node_says_whether_an_operator_drained_it() -> None:
    one, two = showing.nodes({"b": B, "a": NODE}, {"b": DrainRecord(by="me", at=5.0), "gone": DrainRecord()})
    assert (one.node, one.drained, one.drained_by) == ("a", False, "")
    assert (two.node, two.busy, two.drained, two.drained_by, two.drained_at) == ("b", 1, True, "me", 5.0)


def test_a_node_goes_by_its_keys_name_whatever_it_says() -> None:
    (shown,) = showing.nodes({"b": msgspec.structs.replace(B, node="../sessions/s1")}, {})
    assert shown.node == "b"


def test_a_pool_is_what_works_who_is_in_and_who_waits() -> None:
    draining = msgspec.structs.replace(B, node="c", draining=True)
    admission = AdmissionRecord(
        round=1, by="s", capacity=4.0, used=1.234, streams=40.0, prices=Prices(session=0.1), limits={"i": 2.0},
        closed="full",
    )  # fmt: skip
    (pool, waiting) = showing.pools(
        [NODE, B, draining], {"default": admission}, {"default.i": LINE, "other.i": LINE}, 100.0
    )
    assert (pool.pool, pool.nodes, pool.slots, pool.busy) == ("default", 2, 4, 1)
    assert (pool.held, pool.waiting, pool.waiting_s) == (4, 2, 10.0)
    assert (pool.capacity, pool.used, pool.limits, pool.closed) == (4.0, 1.23, {"i": 2.0}, "full")
    assert (waiting.pool, waiting.nodes, waiting.waiting, waiting.capacity) == ("other", 0, 2, 0.0)


def test_schedulers_are_in_the_order_of_their_names() -> None:
    found = {name: SchedulerRecord(instance=name, partitions=32, sessions=1, version="1") for name in ("b", "a")}
    assert [each.instance for each in showing.schedulers(found)] == ["a", "b"]


SESSIONS = [
    SessionBrief(session="s1", tenant="acme", phase="open", source="fr", targets=["en"], ingress="host-1"),
    SessionBrief(session="s2", tenant="eve", phase="closing", source="de", targets=["en", "fr"], next_utterance=4),
    SessionBrief(session="s3", tenant="acme", phase="open", options=Options(recorded=True)),
]


def test_sessions_are_counted_and_recordings_apart() -> None:
    counts = showing.counts(SESSIONS)
    assert (counts.open, counts.closing, counts.recorded) == (1, 1, 1)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["s1", "s2", "s3"]),
        ("ACME fr", ["s1"]),
        ("fr", ["s1", "s2"]),
        ("closing", ["s2"]),
        ("host-1", ["s1"]),
        ("x", []),
    ],
)
def test_each_word_that_is_searched_for_occurs(search: str, found: list[str]) -> None:
    page = showing.page(SESSIONS, search, 0, 10)
    assert [each.session for each in page.sessions] == found
    assert page.total == len(found)


def test_a_page_is_a_part() -> None:
    page = showing.page(SESSIONS, "", 1, 1)
    assert (page.total, page.offset, [each.utterances for each in page.sessions]) == (3, 1, [3])
