"""What a run of the load tester found, in figures; as JSON it is the report that programs read. PURE.

`schema` is raised when a field changes its meaning. Times are seconds, memory is MB (10^6 bytes), CPU is a percentage
of one core. Series have one value a second, from the beginning of the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from bench.load.judging import Verdict
from bench.load.plan import Told
from bench.rows import percentile

SCHEMA = 1
LATE_P99_S = 0.05
"""A generator whose clock is later than that measures itself."""
BUSY_PERCENT = 90.0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Of `count` times."""

    count: int = 0
    mean: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    max: float = 0.0


def summary(values: Sequence[float]) -> Summary:
    if not values:
        return Summary()
    p50, p95, p99, most = (round(percentile(values, share), 4) for share in (0.5, 0.95, 0.99, 1.0))
    return Summary(count=len(values), mean=round(sum(values) / len(values), 4), p50=p50, p95=p95, p99=p99, max=most)


class Phase(msgspec.Struct, kw_only=True):
    """A part of the run that is judged by itself. `clients` = `success` + `failed` + `in_line` + `refused`.

    `answered` is the time until a client knew that it was let in, waits in line, or is refused; `unanswered` never
    knew. All of these count from the attempt that found somebody; `away` counts from when the connection was lost, with
    the pauses between attempts. `waited` is the time in line of those that were let in after it. `reasons` say why
    streams failed, `refusals` why they were refused, and how many of them.
    """

    name: str
    clients: int
    success: int = 0
    failed: int = 0
    in_line: int = 0
    refused: int = 0
    unanswered: int = 0
    admitted: int = 0
    utterances: int = 0
    lost: int = 0
    repeated: int = 0
    wrong: int = 0
    late: int = 0
    reasons: dict[str, int] = {}
    refusals: dict[str, int] = {}
    connected: Summary = Summary()
    answered: Summary = Summary()
    started: Summary = Summary()
    lined_up: Summary = Summary()
    turned_away: Summary = Summary()
    away: Summary = Summary()
    waited: Summary = Summary()
    silence: Summary = Summary()
    first_text: Summary = Summary()
    lag: Summary = Summary()
    lags: list[float] = []
    """All final lags, sorted; at most a thousand of them, evenly chosen."""

    @property
    def success_rate(self) -> float:
        """Of those that were let in, or left without any answer. 0 where there are none: nothing was shown."""
        judged = self.success + self.failed
        return self.success / judged if judged else 0.0


def phase(name: str, clients: Sequence[Told], verdicts: Sequence[Verdict], visit: int = 0) -> Phase:
    """`visit`: of the times at the door, which one counts; those who have not been there as often are left out."""
    pairs = [(told, verdict) for told, verdict in zip(clients, verdicts, strict=True) if len(told.visits) > visit]
    found = Phase(name=name, clients=len(pairs))
    kinds = Counter(verdict.kind for _, verdict in pairs)
    found.success, found.failed = kinds["success"], kinds["failed"]
    found.in_line, found.refused = kinds["in line"], kinds["refused"]
    found.reasons = _counted(pairs, "failed")
    found.refusals = _counted(pairs, "refused")
    for what in ("lost", "repeated", "wrong", "late"):
        setattr(found, what, sum(getattr(verdict, what) for _, verdict in pairs))
    found.utterances = sum(verdict.finals for _, verdict in pairs)
    doors = [told.visits[visit] for told, _ in pairs]
    found.unanswered = sum(not door.answered for door in doors)
    found.admitted = sum(bool(door.let_in) for door in doors)
    found.connected = summary([door.connected - door.tried for door in doors if door.connected])
    answered = [door for door in doors if door.answered]
    found.answered = summary([door.answered - door.tried for door in answered])
    found.started = summary([door.answered - door.tried for door in answered if door.answer == "started"])
    found.lined_up = summary([door.answered - door.tried for door in answered if door.answer == "line"])
    found.turned_away = summary([door.answered - door.tried for door in answered if door.answer == "refused"])
    found.away = summary([door.answered - door.asked for door in answered]) if visit else Summary()
    found.waited = summary([door.let_in - door.answered for door in doors if door.let_in and door.answer == "line"])
    found.silence = summary([door.silence for door in answered if door.answer != "refused"])
    found.first_text = summary([told.first_text - told.began for told, _ in pairs if told.first_text])
    lags = sorted(seconds for _, verdict in pairs for _, seconds in verdict.lags)
    found.lag = summary(lags)
    found.lags = [round(each, 3) for each in thinned(lags, 1000)]
    return found


def _counted(pairs: Sequence[tuple[Told, Verdict]], kind: str) -> dict[str, int]:
    reasons = Counter(reason for _, verdict in pairs if verdict.kind == kind for reason in verdict.reasons)
    return dict(reasons.most_common())


def thinned(values: Sequence[float], most: int) -> list[float]:
    """At most so many, evenly chosen, the first and the last among them."""
    if len(values) <= most:
        return list(values)
    return [values[round(place * (len(values) - 1) / (most - 1))] for place in range(most)]


class Process(msgspec.Struct, kw_only=True):
    """One process with its children. `cpu` and `memory` are series; what it did not live to see is 0."""

    name: str
    cpu_mean: float = 0.0
    cpu_peak: float = 0.0
    memory_mean: float = 0.0
    memory_peak: float = 0.0
    cpu: list[float] = []
    memory: list[float] = []


class Series(msgspec.Struct, kw_only=True):
    """How it went, second by second: clients that connect, wait in line, are in, were refused; finals in this second,
    and their lags' median and 99th percentile (0: there were none)."""

    outside: list[int] = []
    line: list[int] = []
    inside: list[int] = []
    refused: list[int] = []
    finals: list[int] = []
    lag_p50: list[float] = []
    lag_p99: list[float] = []


class Generator(msgspec.Struct, kw_only=True):
    """Whether the figures can be trusted: `late` is by how much the load generators' own clock was behind, `cpu` what
    the busiest of them used."""

    late: Summary = Summary()
    cpu: float = 0.0
    processes: int = 0

    @property
    def saturated(self) -> bool:
        return self.late.p99 > LATE_P99_S or self.cpu > BUSY_PERCENT

    @property
    def verdict(self) -> str:
        busy = f"its clock was {1000 * self.late.p99:.0f} ms late at p99 and it used {self.cpu:.0f} % of a core"
        if self.saturated:
            return f"THE LOAD GENERATOR WAS SATURATED ({busy}): these figures are in part its own"
        return f"the load generator kept up ({busy})"


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was asked for, and whether it holds."""

    what: str
    asked: str
    found: str
    held: bool


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    cpu: str = ""
    cores: int = 1
    memory_mb: int = 0
    system: str = ""
    python: str = ""
    nats: str = ""
    load_before: float = 0.0


class Report(msgspec.Struct, kw_only=True):
    """All of it. `settings` are what was asked for, `fleet` what it ran against. `busy` is the use of all cores by
    everything on this machine, 0 to 100."""

    schema: int = SCHEMA
    kind: str
    command: str = ""
    date: str
    version: str
    commit: str
    machine: Machine = Machine()
    settings: dict[str, str]
    fleet: str = ""
    seconds: float = 0.0
    phases: list[Phase]
    processes: list[Process] = []
    series: Series = msgspec.field(default_factory=Series)
    busy: list[float] = []
    generator: Generator = msgspec.field(default_factory=Generator)
    expectations: list[Expectation] = []
    notes: list[str] = []

    broken: list[str] = []
    """What must never be, whatever was expected."""

    @property
    def held(self) -> bool:
        return all(each.held for each in self.expectations) and not self.broken


def written(report: Report) -> bytes:
    """As JSON, for people too."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1)
