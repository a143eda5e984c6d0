from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from bench import scaling
from wire import line


def shown(table: Table) -> str:
    Console(width=200, file=(out := io.StringIO())).print(table)
    return out.getvalue()


def test_every_part_has_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "timed", lambda work: float(bool(work()) or 1))
    monkeypatch.setitem(scaling.JOBS, 10, 50)
    assert "Erlang" in shown(scaling.waits([10], some=50))
    assert "100" in shown(scaling.cost([10, 100]))
    assert "64" in shown(scaling.contention(20, 60))
    assert "1024" in shown(scaling.spread(2000))


def test_the_line_is_fair_between_a_crowd_and_the_others() -> None:
    order = [ticket.tenant for _, ticket in line.order(scaling.lined_up(1000, 10, 3))]
    assert len(order) == 1000
    others = [place for place, tenant in enumerate(order) if tenant != "crowd"]
    assert others[-1] < 500  # though nine of ten are the crowd's


def test_a_call_is_timed() -> None:
    assert 0 < scaling.timed(lambda: None, for_s=0.01) < 1000


def test_one_part_may_be_asked_for(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(scaling.PARTS, "cost", lambda: Table("a column"))
    assert scaling.main(["--only", "cost"]) == 0
    assert "a column" in capsys.readouterr().out
