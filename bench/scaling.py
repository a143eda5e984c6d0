"""What grows with the fleet, in simulated time and real microseconds. docs/scaling.md has the results.

    python -m bench.scaling                # all parts, some minutes on one core
    python -m bench.scaling --only cost

Parts: `waits` (jobs in a pool of 10 to 10,000 nodes, beside Erlang's formula), `cost` (one decision, in µs),
`contention` (1 to 64 schedulers that see each other's slots a moment late), `spread` (sessions over schedulers, and who
moves when one joins or leaves), `line` (the order of those who wait to be let in).
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table

from actors import placement
from actors.dispatcher import FEW, Dispatcher
from bench import reshuffle
from bench.queueing import POOL, RULES, Case, among, everywhere, record, simulate
from bench.rows import percentile
from cli.planning import erlang_c, wait
from wire import line
from wire.matching import Need
from wire.records import Held, LineRecord, SlotRecord, Ticket
from wire.subjects import slot_key

SLOTS = 4
SEEN_AFTER_S = 0.002
SIZES = (10, 100, 1000, 10_000)
JOBS = {10: 100_000, 100: 20_000, 1000: 3_000, 10_000: 300}
NEED = Need(pool=POOL, source="en", targets=["fr"], speak=["fr"])


def waits(sizes: Sequence[int] = SIZES, some: int = 20_000) -> Table:
    table = Table(
        "nodes of 4 slots", "utilisation", "must wait", "Erlang C", "p50, s", "p99, s", "Erlang C, s",
        f"must wait, {FEW} asked", "p99, s",
    )  # fmt: skip
    for nodes in sizes:
        for utilization in (0.5, 0.8, 0.9, 0.95) if nodes <= 100 else (0.8, 0.95):
            case = Case(nodes, SLOTS, utilization, JOBS.get(nodes, 2000))
            found = simulate(case)
            few = simulate(Case(nodes, SLOTS, utilization, some), among(FEW)) if nodes > FEW else found
            load = case.servers * utilization
            table.add_row(
                f"{nodes:,}", f"{utilization:g}", f"{found.waited:.4f}", f"{erlang_c(case.servers, load):.4f}",
                f"{percentile(found.waits, 0.5):.3f}", f"{percentile(found.waits, 0.99):.3f}",
                f"{wait(case.servers, load, case.job_s):.3f}",
                f"{few.waited:.4f}", f"{percentile(few.waits, 0.99):.3f}",
            )  # fmt: skip
    return table


def cost(sizes: Sequence[int] = SIZES) -> Table:
    """One decision in a pool that is 80 % busy, at each dispatch: by asking all nodes, and as the dispatcher does."""
    table = Table(
        "nodes of 4 slots", "all asked: view, µs", "decision, µs", "a second", f"{FEW} asked first, µs", "a second"
    )
    for nodes in sizes:
        dispatcher = filled(nodes, 0.8)
        views = dispatcher._nodes(POOL)
        view = timed(partial(dispatcher._nodes, POOL))
        decision = timed(partial(everywhere, NEED, views, CHANCE))
        few = timed(partial(dispatcher._decide, NEED))
        table.add_row(
            f"{nodes:,}", f"{view:,.0f}", f"{decision:,.0f}", f"{1e6 / (view + decision):,.0f}", f"{few:,.0f}",
            f"{1e6 / few:,.0f}",
        )  # fmt: skip
    return table


CHANCE = random.Random(1)


def filled(nodes: int, utilization: float) -> Dispatcher:
    """A dispatcher that has seen so many nodes, and marks on their slots."""
    nobody: Any = None
    dispatcher = Dispatcher(nobody, "s1", RULES)
    for number in range(nodes):
        dispatcher._node_changed(f"n{number}", record(number, SLOTS))
        for slot in range(SLOTS):
            if CHANCE.random() < utilization:
                mark = SlotRecord(job="s.1", session="s", attempt=1, by="s1", seconds=3600)
                dispatcher._slot_changed(slot_key(f"n{number}", slot), mark)
    return dispatcher


def timed(work: Callable[[], Any], for_s: float = 0.5) -> float:
    """µs for one call: the median of as many as fit."""
    took: list[float] = []
    until = time.perf_counter() + for_s
    while not took or (time.perf_counter() < until and len(took) < 2000):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return 1e6 * percentile(took, 0.5)


def contention(nodes: int = 250, jobs: int = 4000) -> Table:
    """In a pool that is 80 % busy."""
    table = Table(
        "schedulers", "jobs a second", "slots lost, of 100 jobs", "must wait", f"lost, {FEW} asked", "must wait"
    )
    for schedulers in (1, 4, 16, 64):
        case = Case(nodes, SLOTS, 0.8, jobs, schedulers, SEEN_AFTER_S)
        cells: list[str] = []
        for choose in (everywhere, among(FEW)):
            found = simulate(case, choose)
            cells += [f"{100 * found.conflicts / jobs:.1f}", f"{found.waited:.4f}"]
        table.add_row(str(schedulers), f"{case.rate:,.0f}", *cells)
    return table


def spread(sessions: int = 1_000_000) -> Table:
    table = Table(
        "partitions", "schedulers", "sessions each: least", "mean", "most", "moved at a join", "(least possible)",
        "at a leave", "(least)", "rounds", "one look, µs",
    )  # fmt: skip
    for partitions, schedulers in ((64, 2), (64, 5), (64, 16), (64, 64), (1024, 16), (1024, 64)):
        found = reshuffle.spread(sessions, schedulers, partitions)
        joined, left = reshuffle.join(schedulers, partitions), reshuffle.leave(schedulers, partitions)
        table.add_row(
            str(partitions), str(schedulers), f"{found.least:,}", f"{found.mean:,.0f}", f"{found.most:,}",
            str(joined.moved), str(joined.needed), str(left.moved), str(left.needed),
            f"{joined.rounds}, {left.rounds}", f"{timed(looking(schedulers, partitions)):,.0f}",
        )  # fmt: skip
    return table


def looking(schedulers: int, partitions: int) -> Callable[[], Any]:
    """What each scheduler does each 1.5 s."""
    names = [f"s{number}" for number in range(schedulers)]
    owners = {number: names[number % schedulers] for number in range(partitions)}
    return lambda: placement.plan(names[0], names, owners, partitions)


def lined_up(waiting: int, tenants: int, ingresses: int) -> list[LineRecord]:
    """So many wait. One tenant brings nine of ten of them; each of the others holds ten sessions."""
    chance = random.Random(waiting)
    lines: list[list[Ticket]] = [[] for _ in range(ingresses)]
    for number in range(waiting):
        tenant = "crowd" if chance.random() < 0.9 else f"t{chance.randrange(tenants)}"
        ticket = Ticket(id=f"k{number}", tenant=tenant, since=float(number), targets=1, spoken=1)
        chance.choice(lines).append(ticket)
    held = {f"t{number}": Held(sessions=10, targets=10, spoken=10) for number in range(tenants)}
    return [
        LineRecord(ingress=f"i{number}", held=held if not number else {}, waiting=tickets)
        for number, tickets in enumerate(lines)
    ]


def next_ten(lines: Sequence[LineRecord]) -> list[tuple[str, Ticket]]:
    return list(itertools.islice(line.turns(lines), 10))


def in_line() -> Table:
    table = Table(
        "who wait",
        "tenants",
        "the whole order, µs",
        "the next ten, µs",
        "the crowd's hundredth is",
        "another's first is",
    )
    for waiting, tenants in ((100, 10), (1000, 100), (10_000, 100), (100_000, 1000)):
        lines = lined_up(waiting, tenants, 10)
        order = [ticket.tenant for _, ticket in line.order(lines)]
        of_crowd = [place for place, tenant in enumerate(order) if tenant == "crowd"]
        first_other = next(place for place, tenant in enumerate(order) if tenant != "crowd")
        whole = timed(partial(line.order, lines))
        ten = timed(partial(next_ten, lines))
        table.add_row(
            f"{waiting:,}", str(tenants), f"{whole:,.0f}", f"{ten:,.0f}",
            f"{of_crowd[min(99, len(of_crowd) - 1)] + 1:,}", f"{first_other + 1:,}",
        )  # fmt: skip
    return table


PARTS: dict[str, Callable[[], Table]] = {
    "waits": waits, "cost": cost, "contention": contention, "spread": spread, "line": in_line
}  # fmt: skip


def tables(names: Sequence[str]) -> Iterator[tuple[str, Table]]:
    for name in names:
        yield name, PARTS[name]()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=sorted(PARTS), action="append", help="one part, or several")
    console = Console(width=180)
    for name, table in tables(parser.parse_args(argv).only or list(PARTS)):
        console.print(f"\n{name}")
        console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
