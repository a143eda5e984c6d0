"""A recorder for tests of who records which span: it sends nothing, and keeps everything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from wire import spans


@dataclass(frozen=True)
class Noted:
    name: str
    trace: int
    id: int
    parent: int
    start: float
    end: float
    error: str
    about: dict[str, str | int | float | bool]


class Notes:
    """What `wire.spans` has for a recorder."""

    ratio = 1.0
    lost = 0

    def __init__(self) -> None:
        self.all: list[Noted] = []

    def record(
        self,
        name: str,
        trace: int,
        span: int,
        parent: int,
        start: float,
        end: float,
        error: str,
        about: spans.Attributes,
    ) -> None:
        told = {key.removeprefix(spans.PREFIX): value for key, value in about.items()}
        self.all.append(Noted(name, trace, span, parent, start, end, error, told))

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.all]

    def one(self, name: str) -> Noted:
        found = [each for each in self.all if each.name == name]
        assert len(found) == 1, found
        return found[0]


@contextmanager
def noting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notes]:
    """Traces are recorded while the block runs."""
    notes = Notes()
    with monkeypatch.context() as patched:
        patched.setattr(spans, "_recorder", notes)
        yield notes
