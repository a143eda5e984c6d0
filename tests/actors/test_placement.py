"""Who should own what. That no two ever do is tests/actors/test_ownership.py's business."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from actors.placement import plan, quotas
from wire.subjects import PARTITIONS


def settle(instances: set[str], owners: dict[int, str]) -> int:
    """Everybody acts on what is, in turn, until nobody wants anything. Returns how many partitions changed hands."""
    moves = 0
    for _ in range(10):
        changed = False
        for me in sorted(instances):
            wanted = plan(me, instances, owners)
            for number in wanted.release:
                assert owners.pop(number) == me
            for number in wanted.claim:
                assert number not in owners
                owners[number] = me
            moves += len(wanted.claim)
            changed = changed or bool(wanted.release or wanted.claim)
        if not changed:
            return moves
    raise AssertionError("placement does not settle")


def counts(owners: dict[int, str]) -> list[int]:
    return sorted(list(owners.values()).count(name) for name in set(owners.values()))


def test_one_instance_takes_everything() -> None:
    owners: dict[int, str] = {}
    assert settle({"a"}, owners) == PARTITIONS
    assert counts(owners) == [PARTITIONS]


def test_a_join_moves_only_what_the_new_one_gets() -> None:
    owners: dict[int, str] = {}
    settle({"a", "b"}, owners)
    assert settle({"a", "b", "c"}, owners) == 21
    assert counts(owners) == [21, 21, 22]


def test_a_leave_moves_only_what_the_lost_one_had() -> None:
    owners: dict[int, str] = {}
    settle({"a", "b", "c"}, owners)
    lost = {number for number, owner in owners.items() if owner == "b"}
    kept = {number: owner for number, owner in owners.items() if owner != "b"}
    assert settle({"a", "c"}, kept) == len(lost)
    assert counts(kept) == [32, 32]


def test_nobody_lets_go_while_partitions_lie_free() -> None:
    owners = dict.fromkeys(range(40), "a")
    assert len(plan("a", {"a", "b"}, owners).release) == 8
    owners = dict.fromkeys(range(32), "a")
    assert plan("a", {"a", "b"}, owners).release == []
    assert len(plan("b", {"a", "b"}, owners).claim) == 32


def test_an_instance_that_is_not_seen_yet_counts_itself() -> None:
    assert len(plan("new", set(), {}).claim) == PARTITIONS


@given(
    st.sets(st.sampled_from("abcdefgh"), min_size=1), st.dictionaries(st.integers(0, 63), st.sampled_from("abcdefgh"))
)
def test_from_anywhere_it_settles_evenly(instances: set[str], owners: dict[int, str]) -> None:
    alive = {number: owner for number, owner in owners.items() if owner in instances}
    settle(instances, alive)
    assert len(alive) == PARTITIONS
    assert counts(alive)[-1] - counts(alive)[0] <= 1
    assert sum(quotas(instances, alive).values()) == PARTITIONS
