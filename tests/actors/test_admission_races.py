"""Admission under whatever order things may happen in: ingresses that hear late and are heard late, that die, whose
sessions come back elsewhere; schedulers that decide on old views, take over from each other, and are refused.

A `World` has the truth (who is in, where), the two buckets, and what each party knows of them. Hypothesis orders its
steps. In whatever order: what is in never takes more than the capacity. And when the steps end and everybody hears
everything, nobody waits for room that is there, and who comes in next is who is first in line."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.admission import Seen, Terms, decide
from actors.capacity import SPEECH_SHARE
from tests.actors.pools import node
from wire.line import ROUNDING, fits, load, order, price
from wire.records import AdmissionRecord, Held, LineRecord, PoolUse, Prices, Ticket

NAMES, LEADERS = ("i", "j", "k"), ("s", "t")
PRICES = Prices(session=0.1, target=0.04, spoken=0.0)
NODE = node(rtf={"asr/m": 0.1 / SPEECH_SHARE, "translate/m": 0.04 / SPEECH_SHARE, "speech/m": 0.0})
TERMS = Terms(target_utilization=0.8)
CAPACITY = 0.8


def held_of(people: list[Ticket]) -> dict[str, Held]:
    return {
        tenant: Held(sessions=len(theirs), targets=sum(each.targets for each in theirs))
        for tenant in {each.tenant for each in people}
        if (theirs := [each for each in people if each.tenant == tenant])
    }


class Ingress:
    def __init__(self, name: str) -> None:
        self.name = name
        self.written = 0
        self.obeys: AdmissionRecord | None = None
        self.inside: list[Ticket] = []
        self.waiting: list[Ticket] = []

    def line(self) -> LineRecord:
        seen = self.obeys.round if self.obeys else 0
        return LineRecord(ingress=self.name, seen=seen, held=held_of(self.inside), waiting=list(self.waiting))


class World:
    def __init__(self) -> None:
        self.ingresses = {name: Ingress(name) for name in NAMES}
        self.lines: dict[str, tuple[int, LineRecord]] = {}
        self.views: dict[str, dict[str, tuple[int, LineRecord]]] = {name: {} for name in LEADERS}
        self.admission: AdmissionRecord | None = None
        self.known: dict[str, AdmissionRecord | None] = dict.fromkeys(LEADERS)
        self.orphans: list[Ticket] = []
        self.ended: list[tuple[str, int, Ticket]] = []
        self.clock = itertools.count(1)

    def check(self) -> None:
        people = [each for ingress in self.ingresses.values() for each in ingress.inside] + self.orphans
        assert sum(price(each, PRICES) for each in people) <= CAPACITY + 100 * ROUNDING, "more than there is room for"

    # --- what may happen ---

    def arrive(self, at: str, tenant: str, targets: int) -> None:
        """A newcomer waits, if only for a moment."""
        since = next(self.clock)
        self.ingresses[at].waiting.append(Ticket(id=str(since), tenant=tenant, since=since, targets=targets))

    def look(self, at: str) -> None:
        """The ingress lets in whom it may; it may not have heard of the newest lines of others."""
        ingress = self.ingresses[at]
        while ingress.obeys is not None and ingress.waiting:
            lines = [said for name, (_, said) in self.lines.items() if name != at] + [ingress.line()]
            places = enumerate(order(lines, ingress.obeys.prices))
            may = (
                who for place, (where, who) in places if where == at and (not place or who.id in ingress.obeys.granted)
            )
            first = next((who for who in may if fits(ingress.line(), who, ingress.obeys)), None)
            if first is None:
                return
            ingress.waiting.remove(first)
            ingress.inside.append(first)

    def leave(self, at: str) -> None:
        """A session ends. Schedulers see it a little longer: until they know of its end from its ingress."""
        ingress = self.ingresses[at]
        if ingress.inside:
            self.ended.append((at, ingress.written + 1, ingress.inside.pop(0)))

    def write(self, at: str) -> None:
        self.ingresses[at].written += 1
        self.lines[at] = self.ingresses[at].written, self.ingresses[at].line()

    def hear(self, at: str) -> None:
        self.ingresses[at].obeys = self.admission or self.ingresses[at].obeys

    def deliver(self, leader: str, at: str) -> None:
        if at in self.lines:
            self.views[leader][at] = self.lines[at]
        oldest = {name: min(view.get(name, (0,))[0] for view in self.views.values()) for name in NAMES}
        self.ended = [(name, since, who) for name, since, who in self.ended if oldest[name] < since]

    def decide(self, leader: str) -> None:
        """On what it knows; refused where another wrote meanwhile, and then it reads everything anew."""
        if self.known[leader] is not self.admission:
            return self.take_over(leader)
        everybody = [each for ingress in self.ingresses.values() for each in ingress.inside] + self.orphans
        everybody += [who for _, _, who in self.ended]
        use = PoolUse(sessions=len(everybody), targets=sum(each.targets for each in everybody))
        seen = Seen([NODE], [said for _, said in self.views[leader].values()], [use])
        self.admission = self.known[leader] = decide(self.admission, seen, TERMS, leader)

    def take_over(self, leader: str) -> None:
        self.views[leader] = dict(self.lines)
        self.known[leader] = self.admission

    def die(self, at: str) -> None:
        """Its sessions live on for a while; another takes its place, under another name, when its key is gone."""
        ingress = self.ingresses[at]
        self.orphans += ingress.inside
        self.lines.pop(at, None)
        for view in self.views.values():
            view.pop(at, None)
        self.ended = [entry for entry in self.ended if entry[0] != at]
        self.ingresses[at] = Ingress(at)
        if self.admission is not None and self.admission.limits.get(at):  # names are never used again
            self.take_over("s")
            self.decide("s")

    def come_back(self, at: str) -> None:
        """Who is in is in."""
        if self.orphans:
            self.ingresses[at].inside.append(self.orphans.pop())

    def settle(self) -> None:
        """Everybody hears everything, again and again."""
        for _ in range(12):
            for at in NAMES:
                self.hear(at)
                self.look(at)
                self.write(at)
                for leader in LEADERS:
                    self.deliver(leader, at)
                self.check()
            self.take_over("s")
            self.decide("s")


OFTEN = {
    "arrive": 4, "look": 8, "leave": 3, "write": 6, "hear": 4, "deliver": 10, "decide": 8, "take_over": 1,
    "come_back": 1, "die": 0.3,
}  # fmt: skip


def something(world: World, chance: random.Random) -> None:
    """One step, and whether all is well after it."""
    what = chance.choices(list(OFTEN), list(OFTEN.values()))[0]
    at, leader = chance.choice(NAMES), chance.choice(LEADERS)
    match what:
        case "arrive":
            world.arrive(at, chance.choice("aaabc"), chance.randrange(4))
        case "decide" | "take_over":
            getattr(world, what)(leader)
        case "deliver":
            world.deliver(leader, at)
        case _:
            getattr(world, what)(at)
    world.check()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_never_more_than_there_is_room_for_and_all_of_it_is_used(seed: int) -> None:
    world, chance = World(), random.Random(seed)
    for _ in range(300):
        something(world, chance)
    world.settle()
    line_up = order([each.line() for each in world.ingresses.values()], PRICES)
    inside = [each for ingress in world.ingresses.values() for each in ingress.inside] + world.orphans
    if line_up:
        free = CAPACITY - load(Held(sessions=len(inside), targets=sum(each.targets for each in inside)), PRICES)
        assert price(line_up[0][1], PRICES) > free, "there is room for who is first in line"


@pytest.mark.parametrize("seed", range(25))
def test_everybody_comes_in_and_in_the_order_of_the_line(seed: int) -> None:
    world, chance = World(), random.Random(seed)
    for _ in range(25):
        world.arrive(chance.choice(NAMES), chance.choice("aaabc"), chance.randrange(4))
    world.settle()
    while any(each.waiting for each in world.ingresses.values()):
        world.leave(chance.choice([name for name, each in world.ingresses.items() if each.inside]))
        for at in NAMES:
            world.look(at)
        line_up = [each.id for _, each in order([each.line() for each in world.ingresses.values()], PRICES)]
        world.settle()
        left = {each.id for ingress in world.ingresses.values() for each in ingress.waiting}
        waits = [id in left for id in line_up]
        assert waits == sorted(waits), "somebody came in before who was first"
