"""What `dragoman doctor` finds, and how it is shown (PURE)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import msgspec
from rich.table import Table
from rich.text import Text

State = Literal["good", "worth knowing", "lacking"]

COLOURS: dict[State, str] = {"good": "green", "worth knowing": "yellow", "lacking": "bold red"}


@dataclass(frozen=True)
class Finding:
    """`what` was looked at, what was `found`, and, where that is not good, how to `mend` it."""

    what: str
    state: State
    found: str
    mend: str = ""


def usable(findings: Sequence[Finding]) -> bool:
    """Whether `dragoman up` would work here."""
    return all(each.state != "lacking" for each in findings)


def table(findings: Sequence[Finding]) -> Table:
    made = Table(show_edge=False, pad_edge=False, expand=False)
    for column in ("", "", "found", "what to do"):
        made.add_column(column, overflow="fold")
    for each in findings:
        state = "" if each.state == "good" else each.state
        made.add_row(each.what, Text(state or "ok", COLOURS[each.state]), Text(each.found), Text(each.mend))
    return made


def as_json(findings: Sequence[Finding]) -> str:
    return msgspec.json.encode({"usable": usable(findings), "findings": [asdict(each) for each in findings]}).decode()
