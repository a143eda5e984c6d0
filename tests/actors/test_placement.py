from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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


class Fleet(RuleBasedStateMachine):
    """A model checker in miniature: instances join, leave, stall with old views, and leases run out at bad moments.

    The lease table is the truth, as KV is: `create` succeeds only where no lease lives. An instance acts on the view
    that it saw last, which may be old; a stalled one goes on believing that it owns what it owned, but only until its
    own clock says that its leases ran out, which is before the table lets another have them.
    """

    LEASE, STOP_EARLY = 4, 1

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.table: dict[int, tuple[str, int]] = {}  # partition -> (owner, until)
        self.believes: dict[str, dict[int, int]] = {}  # instance -> partition -> until, by its own clock
        self.views: dict[str, tuple[set[str], dict[int, str]]] = {}

    def alive(self) -> dict[int, str]:
        return {number: owner for number, (owner, until) in self.table.items() if until > self.now}

    @rule(name=st.sampled_from("abcd"))
    def join(self, name: str) -> None:
        self.believes.setdefault(name, {})

    @precondition(lambda self: self.believes)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        self.believes.pop(data.draw(st.sampled_from(sorted(self.believes))))

    @precondition(lambda self: self.believes)
    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.believes)))
        self.views[name] = (set(self.believes), self.alive())

    @precondition(lambda self: self.believes)
    @rule(data=st.data(), renews=st.booleans())
    def act(self, data: st.DataObject, renews: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.believes)))
        mine = self.believes[name] = {n: until for n, until in self.believes[name].items() if until > self.now}
        instances, seen = self.views.get(name, ({name}, {}))
        seen = {number: owner for number, owner in seen.items() if owner != name} | dict.fromkeys(mine, name)
        wanted = plan(name, instances, seen)
        for number in wanted.release:
            mine.pop(number)
            if self.alive().get(number) == name:
                del self.table[number]
        for number in wanted.claim:
            if number not in self.alive():  # `create`
                self.table[number] = (name, self.now + self.LEASE)
                mine[number] = self.now + self.LEASE - self.STOP_EARLY
        if renews:
            for number in mine:
                if self.alive().get(number) == name:  # the expected revision
                    self.table[number] = (name, self.now + self.LEASE)
                    mine[number] = self.now + self.LEASE - self.STOP_EARLY

    @rule(seconds=st.integers(1, 5))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def at_no_time_do_two_believe_that_they_own_the_same(self) -> None:
        owned = [number for mine in self.believes.values() for number, until in mine.items() if until > self.now]
        assert len(owned) == len(set(owned))

    def teardown(self) -> None:
        if self.believes:
            self.now += self.LEASE
            owners: dict[int, str] = {}
            settle(set(self.believes), owners)
            assert counts(owners)[-1] - counts(owners)[0] <= 1


TestFleet = Fleet.TestCase
TestFleet.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
