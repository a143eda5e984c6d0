"""A row of the budget table: what was measured beside its reference from the same run, and what it may be. PURE."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

HEADINGS = ("what", "measured", "reference", "ratio", "budget", "")


@dataclass(frozen=True, slots=True)
class Row:
    """`measured` and `reference` are in `unit` and maybe of different things: `what` says which. Without a `budget` the
    row explains another one. `budget` bounds `measured` or, with `bounds` "ratio", measured / reference."""

    what: str
    unit: str
    measured: float
    reference: float | None = None
    budget: float | None = None
    side: Literal["at most", "at least"] = "at most"
    bounds: Literal["measured", "ratio"] = "measured"

    @property
    def ratio(self) -> float | None:
        return self.measured / self.reference if self.reference else None

    @property
    def kept(self) -> bool | None:
        """Whether the budget is kept; None where there is none."""
        if self.budget is None:
            return None
        value = self.measured if self.bounds == "measured" else self.ratio
        assert value is not None, f"{self.what}: a budget for the ratio needs a reference"
        return value <= self.budget if self.side == "at most" else value >= self.budget

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of `HEADINGS`."""
        unit = self.unit if self.bounds == "measured" else ""
        sign = "≤" if self.side == "at most" else "≥"
        return (
            self.what,
            f"{shown(self.measured)} {self.unit}",
            "" if self.reference is None else f"{shown(self.reference)} {self.unit}",
            "" if self.ratio is None else f"{self.ratio:.2f}",
            "" if self.budget is None else f"{sign} {shown(self.budget)} {unit}".rstrip(),
            {None: "", True: "ok", False: "OVER" if self.side == "at most" else "UNDER"}[self.kept],
        )


def shown(value: float) -> str:
    """Three digits that say something."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{max(0, min(2, 2 - math.floor(math.log10(abs(value) or 1))))}f}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of `values` do not exceed. Raises ValueError without values."""
    if not values:
        raise ValueError("no values were measured")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
