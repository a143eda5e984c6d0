"""Rates and quantiles out of counts that only grow, as many processes tell them. PURE: time is an argument.

Each process tells its own counts since it began. `Growth` adds up by how much they grew, so that one that dies takes
nothing back, and one that begins again at 0 loses nothing that others counted. Quantiles come from the buckets of a
histogram, as Prometheus has them (`…_bucket{le="0.5"}`): within a bucket values are taken to be spread evenly.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

LAG = "dragoman_final_lag_seconds"
AUDIO = "dragoman_audio_bytes_total"
REFUSED = "dragoman_sessions_refused_total"
SHED = "dragoman_node_refusals_total"
GROWING = (LAG, AUDIO, REFUSED, SHED)
"""Names of figures that only grow."""

MEMORY, CPU = "process_resident_memory_bytes", "process_cpu_seconds_total"
ASKED = (*GROWING, MEMORY, CPU)

WINDOW_S = 60.0
"""Rates and quantiles are of so long."""
LEAST_S = 3.0
"""Of a shorter time rates say nothing."""
BYTES_A_SECOND = 32_000

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def labels(figure: str) -> dict[str, str]:
    """Of `name{label="value"}`."""
    return dict(_LABEL.findall(figure.partition("{")[2]))


class Quantiles(msgspec.Struct, frozen=True):
    """Seconds."""

    p50: float
    p95: float
    p99: float


class Growth:
    """By how much figures grew, over all processes, in the last `WINDOW_S`."""

    def __init__(self) -> None:
        self._last: dict[str, Mapping[str, float]] = {}
        self._totals: dict[str, float] = {}
        self._past: deque[tuple[float, dict[str, float]]] = deque()

    def take(self, process: str, values: Mapping[str, float]) -> None:
        """What a process told of itself. Its first word is where counting begins."""
        before = self._last.get(process)
        growing = {name: value for name, value in values.items() if name.startswith(GROWING)}
        if before is not None:
            for name, value in growing.items():
                grown = value - before.get(name, 0.0)
                self._totals[name] = self._totals.get(name, 0.0) + (value if grown < 0 else grown)
        self._last[process] = growing

    def forget(self, living: Iterable[str]) -> None:
        """Processes that are not among these have gone."""
        living = set(living)
        self._last = {process: values for process, values in self._last.items() if process in living}

    def mark(self, now: float) -> None:
        """Call it about once a second."""
        self._past.append((now, dict(self._totals)))
        while now - self._past[0][0] > WINDOW_S:
            self._past.popleft()

    @property
    def seconds(self) -> float:
        """How long the window is by now."""
        return self._past[-1][0] - self._past[0][0] if self._past else 0.0

    def grown(self, name: str, **wanted: str) -> dict[str, float]:
        """Figures of this name with these labels, and by how much each grew in the window."""
        if not self._past:
            return {}
        first, last = self._past[0][1], self._past[-1][1]
        return {
            figure: last[figure] - first.get(figure, 0.0)
            for figure in last
            if figure.partition("{")[0] == name and wanted.items() <= labels(figure).items()
        }

    def rate(self, name: str, **wanted: str) -> float:
        """Per second."""
        if self.seconds < LEAST_S:
            return 0.0
        return sum(self.grown(name, **wanted).values()) / self.seconds

    def rates_by(self, name: str, label: str) -> dict[str, float]:
        """Per minute, of each value of a label; without those that did not grow."""
        found: dict[str, float] = {}
        for figure, grown in self.grown(name).items():
            if grown and self.seconds >= LEAST_S:
                value = labels(figure).get(label, "")
                found[value] = found.get(value, 0.0) + 60 * grown / self.seconds
        return {value: round(rate, 2) for value, rate in sorted(found.items())}

    def quantiles(self, name: str, **wanted: str) -> Quantiles | None:
        """None: nothing was measured in the window."""
        buckets: dict[float, float] = {}
        for figure, grown in self.grown(f"{name}_bucket", **wanted).items():
            bound = float(labels(figure)["le"])
            buckets[bound] = buckets.get(bound, 0.0) + grown
        bounds = sorted(buckets.items())
        if not bounds or not bounds[-1][1]:
            return None
        return Quantiles(*(round(_quantile(bounds, share), 3) for share in (0.5, 0.95, 0.99)))


def _quantile(bounds: list[tuple[float, float]], share: float) -> float:
    """`bounds`: (upper bound, how many were at most that), growing. What is over the last finite one counts as that."""
    wanted = share * bounds[-1][1]
    at = next(at for at, (_, count) in enumerate(bounds) if count >= wanted)
    (low, below), (bound, count) = bounds[at - 1] if at else (0.0, 0.0), bounds[at]
    return low if math.isinf(bound) else low + (bound - low) * (wanted - below) / (count - below)
