"""Each kind of run, once, small and for real: one fleet for those that break nothing."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from rich.console import Console

from bench.load import main, scripts
from bench.load.live import View
from bench.load.plan import Pulse
from bench.load.scenes import Asked
from bench.load.scripts import Speech
from bench.load.stage import Size, Stage, set_up

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers() -> AsyncIterator[Stage]:
    async with set_up([], "", Size(slots=8, rtf=0.02), None) as stage:
        yield stage


@pytest.fixture(scope="module", autouse=True)
def short() -> Iterator[None]:
    """What is said is short."""
    whole = scripts.made(1.2)
    patch = pytest.MonkeyPatch()
    patch.setattr(scripts, "made", lambda pause: Speech(whole.pieces[4:5], whole.texts[4:5]))
    patch.setattr("bench.load.scripts.LONGEST_SPREAD_S", 1.0)
    yield
    patch.undo()


async def bench(tmp_path: Path, *argv: str) -> tuple[int, dict[str, Any]]:
    """Exit code, and the report."""
    told, page = tmp_path / "report.json", tmp_path / "report.html"
    words = [*argv, "--json", str(told), "--html", str(page)]
    code = await main.run(main.parser().parse_args(words), words)
    assert page.read_bytes().startswith(b"<!doctype html>")
    return code, json.loads(told.read_bytes())


def at(stage: Stage) -> list[str]:
    return ["--url", stage.addresses[0], "--scripted", "--seconds", "4"]


async def test_streams_are_right_and_in_time(servers: Stage, tmp_path: Path) -> None:
    code, report = await bench(
        tmp_path, "streams", "--count", "6", *at(servers), "--lag", "10", "--target", "fr", "--expect-success", "1",
        "--expect-admitted", "6", "--expect-answered-within", "10",
    )  # fmt: skip
    (phase,) = report["phases"]
    assert code == 0, report
    assert (phase["clients"], phase["success"], phase["utterances"]) == (6, 6, 24)
    assert 0.6 < phase["lag"]["p50"] < 10
    assert max(report["series"]["inside"]) == 6
    assert {process["name"] for process in report["processes"]} == {"dragoman bench", "load generator"}


async def test_slow_ones_stand_beside_those_who_speak(servers: Stage, tmp_path: Path) -> None:
    code, report = await bench(
        tmp_path, "slowloris", "--count", "9", "--real", "3", *at(servers), "--lag", "0.3", "--expect-success", "1"
    )  # fmt: skip
    assert code == 1, "what is late is no success, and breaks what was expected"
    assert [phase["reasons"] for phase in report["phases"]] == [{"late": 3}, {"late": 3}]
    assert [phase["lost"] + phase["wrong"] for phase in report["phases"]] == [0, 0]
    assert report["notes"] == ["of 9 slow ones the server still had 9 when the speakers had ended"]


async def test_a_soak_goes_on_with_others(servers: Stage, tmp_path: Path) -> None:
    code, report = await bench(
        tmp_path, "soak", "--count", "2", "--minutes", "0.13", *at(servers), "--lag", "10", "--expect-success", "1"
    )  # fmt: skip
    assert code == 0, report
    assert report["phases"][0]["clients"] >= 4


async def test_a_herd_comes_back_after_the_ingress_was_killed(tmp_path: Path) -> None:
    code, report = await bench(
        tmp_path, "herd", "--count", "20", "--rtf", "0.02", "--hold", "1", "--expect-success", "1",
        "--expect-answered-within", "10",
    )  # fmt: skip
    assert code == 0, report
    first, again = report["phases"]
    assert (first["clients"], first["success"], again["clients"], again["unanswered"]) == (20, 20, 20, 0)
    names = {process["name"] for process in report["processes"]}
    assert {"ingress-1", "scheduler-1", "node-1", "server-1", "load generator"} <= names


async def test_progress_is_a_line_or_a_table(servers: Stage) -> None:
    shown = io.StringIO()
    view = View(servers, Console(file=shown, width=150))
    assert "finals" not in view._line(), "nobody is there yet"
    gang = servers.gang(servers.plan(Asked("streams", 1).start(), kind="hold", count=1))
    gang.pulses.append([Pulse(at=1e12, inside=1, finals=7, lags=[0.5, 1.5])])
    assert "1 in" in view._line()
    assert "lag p50 0.50 s, p99 1.50 s" in view._line()
    view._console.print(view._table())
    assert "own lateness" in shown.getvalue()
