"""A pool of nodes in simulated time: jobs come by chance, and the dispatcher's own `decide` says where each goes. PURE.

Everything but time and chance is as in a fleet. A scheduler decides on its view of the nodes; a slot that it finds
free may have been taken by another a moment ago, for what others do is seen `delay_s` later: then it tries the next
place, as the dispatcher does. With no slot free anywhere the job waits in the pool's lane, first come first served, for
the first node that has one. Jobs come as a Poisson process and last exponentially long, so that with one scheduler and
no delay this is the M/M/c queue, of which Erlang's formula knows the waits.

The simulation begins with as many slots busy as are busy on average, so that it need not run until they are.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from actors.dispatch import Decision, NodeView, decide
from wire.matching import Need, Rules
from wire.records import NodeRecord

POOL = "default"
RULES = Rules()
TRY_S = 0.001
"""A slot is asked for and the answer is there."""

Choice = Callable[[Need, Sequence[NodeView], random.Random], Decision]


@dataclass(frozen=True)
class Case:
    """`utilization` is how much of all slots is busy on average; `job_s` how long a job has one on average."""

    nodes: int
    slots: int
    utilization: float
    jobs: int
    schedulers: int = 1
    delay_s: float = 0.0
    job_s: float = 1.4
    sessions: int = 0
    seed: int = 1

    @property
    def servers(self) -> int:
        return self.nodes * self.slots

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.servers * self.utilization / self.job_s


@dataclass
class Outcome:
    """`waits`: of each job, seconds until it began. `conflicts` are slots that another scheduler had taken, `pooled`
    jobs that waited in the pool's lane. `again` of `returning` jobs went to the node that had their session's last."""

    waits: list[float] = field(default_factory=list)
    conflicts: int = 0
    pooled: int = 0
    returning: int = 0
    again: int = 0

    @property
    def waited(self) -> float:
        """Share of jobs that found no slot free."""
        return self.pooled / len(self.waits)


def everywhere(need: Need, nodes: Sequence[NodeView], chance: random.Random) -> Decision:
    """As the dispatcher decides."""
    return decide(need, nodes, RULES)


def among(count: int) -> Choice:
    """On so many nodes by chance, and on all only if none of these has a slot free."""

    def choose(need: Need, nodes: Sequence[NodeView], chance: random.Random) -> Decision:
        if len(nodes) > count:
            found = decide(need, chance.sample(nodes, count), RULES)
            if found.candidates and found.whole:
                return found
        return decide(need, nodes, RULES)

    return choose


def record(number: int, slots: int) -> NodeRecord:
    return NodeRecord(
        node=f"n{number}", version="0", pools=[POOL], slots=slots, busy=0, ready=True, draining=False, device="cuda",
        models=["m"], sources=["en", "fr"], targets={"en": ["*"], "fr": ["*"]}, voices={"en": "v", "fr": "v"},
        cpu_percent=0.0, memory_mb=0.0, gpus=[],
    )  # fmt: skip


class _Pool:
    """`views` has each scheduler's, `busy` is what is true."""

    def __init__(self, case: Case, choose: Choice) -> None:
        self.case = case
        self.choose = choose
        self.chance = random.Random(case.seed)
        self.places = {f"n{number}": number for number in range(case.nodes)}
        fresh = [NodeView(record(number, case.slots)) for number in range(case.nodes)]
        self.views = [list(fresh) for _ in range(case.schedulers)]
        self.busy: list[set[int]] = [set() for _ in range(case.nodes)]
        self.lane: deque[int] = deque()
        self.arrived: list[float] = []
        self.events: list[tuple[float, int, str, tuple[int, ...]]] = []
        self.count = itertools.count()
        self.outcome = Outcome(waits=[0.0] * case.jobs)
        self.served: dict[int, str] = {}
        self.session_of: list[int] = []

    def at(self, time: float, what: str, *about: int) -> None:
        heapq.heappush(self.events, (time, next(self.count), what, about))

    def lasting(self) -> float:
        return self.chance.expovariate(1 / self.case.job_s)

    def see(self, scheduler: int, node: int, slot: int, taken: bool) -> None:
        view = self.views[scheduler][node]
        slots = view.taken | {slot} if taken else view.taken - {slot}
        self.views[scheduler][node] = msgspec.structs.replace(view, taken=slots)

    def tell(self, now: float, node: int, slot: int, by: int) -> None:
        """Schedulers see it: `by` at once, the others (all, if it is -1) after the delay."""
        for scheduler in range(self.case.schedulers):
            if scheduler == by or not self.case.delay_s:
                self.see(scheduler, node, slot, slot in self.busy[node])
            else:
                self.at(now + self.case.delay_s, "seen", scheduler, node, slot)

    def begin(self, now: float, job: int, node: int, slot: int, by: int) -> None:
        self.busy[node].add(slot)
        self.outcome.waits[job] = now - self.arrived[job]
        if self.case.sessions:
            self.served[self.session_of[job]] = f"n{node}"
        self.tell(now, node, slot, by)
        self.at(now + self.lasting(), "ended", node, slot)


def simulate(case: Case, choose: Choice = everywhere) -> Outcome:
    pool = _Pool(case, choose)
    _fill(pool)
    pool.at(pool.chance.expovariate(case.rate), "came", 0)
    left = case.jobs
    while left:
        now, _, what, about = heapq.heappop(pool.events)
        match what:
            case "came":
                (job,) = about
                pool.arrived.append(now)
                pool.session_of.append(pool.chance.randrange(case.sessions) if case.sessions else 0)
                left -= _dispatch(pool, now, job)
                if job + 1 < case.jobs:
                    pool.at(now + pool.chance.expovariate(case.rate), "came", job + 1)
            case "ended":
                left -= _freed(pool, now, *about)
            case "seen":
                scheduler, node, slot = about
                pool.see(scheduler, node, slot, slot in pool.busy[node])
    return pool.outcome


def _fill(pool: _Pool) -> None:
    slots = [(node, slot) for node in range(pool.case.nodes) for slot in range(pool.case.slots)]
    for node, slot in pool.chance.sample(slots, round(len(slots) * pool.case.utilization)):
        pool.busy[node].add(slot)
        for scheduler in range(pool.case.schedulers):
            pool.see(scheduler, node, slot, True)
        pool.at(pool.lasting(), "ended", node, slot)


def _dispatch(pool: _Pool, now: float, job: int) -> bool:
    """Whether it begins."""
    mine = pool.chance.randrange(pool.case.schedulers)
    last = pool.served.get(pool.session_of[job], "")
    need = Need(pool=POOL, source="en", targets=["fr"], speak=["fr"], last=last)
    for node, slot in _places(pool, pool.choose(need, pool.views[mine], pool.chance)):
        if slot not in pool.busy[node]:
            pool.begin(now, job, node, slot, mine)
            if last:
                pool.outcome.returning += 1
                pool.outcome.again += last == f"n{node}"
            return True
        pool.outcome.conflicts += 1
        pool.outcome.waits[job] += TRY_S
        pool.see(mine, node, slot, True)
    pool.outcome.pooled += 1
    pool.lane.append(job)
    return _pulled(pool, now)


def _places(pool: _Pool, decision: Decision) -> Iterator[tuple[int, int]]:
    """As the dispatcher tries them: several schedulers take a node's slots in random order."""
    for view in decision.candidates:
        slots = view.free
        if pool.case.schedulers > 1:
            pool.chance.shuffle(slots)
        yield from ((pool.places[view.record.node], slot) for slot in slots)


def _pulled(pool: _Pool, now: float) -> bool:
    """A job on the lane is pulled by a node that has a slot free which no scheduler knows of."""
    if not pool.case.delay_s:
        return False
    for node, taken in enumerate(pool.busy):
        if len(taken) < pool.case.slots:
            slot = next(each for each in range(pool.case.slots) if each not in taken)
            pool.begin(now, pool.lane.popleft(), node, slot, -1)
            return True
    return False


def _freed(pool: _Pool, now: float, node: int, slot: int) -> bool:
    """Whether a job that waited begins."""
    pool.busy[node].discard(slot)
    if pool.lane:
        pool.begin(now, pool.lane.popleft(), node, slot, -1)
        return True
    pool.tell(now, node, slot, -1)
    return False
