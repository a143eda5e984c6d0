from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog

from tests.waiting import until
from wire import keys, log, trace
from wire.flood import FIRST, Flood


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(log, "_flood", Flood())
    root, nats = logging.getLogger(), logging.getLogger("nats")
    before = (root.handlers[:], root.level, nats.level)
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:], root.level, nats.level = before


def test_lines_are_json_with_the_process_and_the_module(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("scheduler", "info", "json")
    log.get("actors.host").info("session opened", session="s1", bytes=12)
    log.get("actors.host").debug("not told")
    captured = capsys.readouterr()
    assert captured.out == ""
    line = json.loads(captured.err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "session opened",
        "level": "info",
        "process": "scheduler",
        "module": "actors.host",
        "session": "s1",
        "bytes": 12,
    }


@pytest.mark.parametrize(("style", "is_json"), [("auto", True), ("json", True), ("console", False)])
def test_a_terminal_gets_lines_for_people(
    style: Literal["auto", "json", "console"], is_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("scheduler", "debug", style)
    log.get("m").debug("hello")
    printed = capsys.readouterr().err
    assert "hello" in printed
    assert printed.startswith("{") is is_json


def test_an_exception_is_told_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("scheduler", "info", "json")
    try:
        raise ValueError("broken")
    except ValueError:
        log.get("m").exception("it failed")
    line = json.loads(capsys.readouterr().err)
    assert "ValueError: broken" in line["exception"]


def test_libraries_are_heard_from_warning_up_and_nats_py_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers[:] = []
    log.configure("scheduler", "debug", "json")
    logging.getLogger("aiohttp").info("quiet")
    logging.getLogger("aiohttp").warning("loud")
    logging.getLogger("nats.aio").error("the bus tells this itself")
    assert capsys.readouterr().err == "WARNING aiohttp: loud\n"


def test_keys_are_cut_short_whoever_writes_them(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers[:] = []
    log.configure("ingress", "info", "json")
    key, token = keys.made(keys.KEY), keys.made(keys.TOKEN)
    log.get("m").info(f"somebody sent {key}", header=f"Bearer {token}", count=1)
    try:
        raise ValueError(token)
    except ValueError:
        log.get("m").exception("it failed")
        logging.getLogger("aiohttp").exception("protocols %r", ["dragoman", f"dragoman.key.{key}"])
    told = capsys.readouterr().err
    assert key.rsplit("_", 1)[0] in told
    assert not any(each.rsplit("_", 1)[1] in told for each in (key, token))


# --- ids of the task, and floods ------------------------------------------------------------------------------------


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


async def test_what_is_bound_stands_in_every_line_of_the_task_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("scheduler", "info", "json")

    both = asyncio.Barrier(2)

    async def work(session: str) -> None:
        log.bind(session=session)
        await both.wait()
        log.get("m").info("working")

    async with asyncio.TaskGroup() as group:
        group.create_task(work("s1"))
        group.create_task(work("s2"))
    log.get("m").info("done")
    assert [line.get("session") for line in lines(capsys)] == ["s2", "s1", None]


def test_a_block_binds_for_as_long_as_it_runs_and_an_utterance_has_its_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("scheduler", "info", "json")
    with log.bound(session="s1"):
        log.get("m").info("working", utterance=2)
        log.get("m").info("waiting")
    log.get("m").info("done")
    working, waiting, done = lines(capsys)
    assert (working["session"], working["trace_id"]) == ("s1", trace.shown(trace.trace_id("s1", 2)))
    assert (waiting["session"], waiting.get("trace_id"), done.get("session")) == ("s1", None, None)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(log, "_clock", made)
    return made


def test_a_flood_becomes_a_few_lines_that_say_how_many_there_were(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("scheduler", "info", "json")
    with log.bound(session="of one of them"):
        for number in range(10_000):
            log.get("m").warning("it fails", number=number)
            log.get("m").error("it fails badly")
        log.get("m").info("something else")
        assert log.withheld() == 2 * (10_000 - FIRST)
        clock.now += 1
        log.get("m").info("something else")
    found = lines(capsys)
    assert len(found) == 2 * FIRST + 2 + 2
    told = {(line["level"], line["like"], line["event"]) for line in found if "like" in line}
    much = f"… {10_000 - FIRST} more like it in the last second"
    assert told == {("warning", "it fails", much), ("error", "it fails badly", much)}
    assert not any("session" in line for line in found if "like" in line)
    assert all(line["process"] == "scheduler" and line["module"] == "m" for line in found)


async def test_a_flood_is_summed_up_also_where_nothing_is_logged_after_it(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("scheduler", "info", "json")
    for _ in range(10 * FIRST):
        log.get("m").warning("it fails")
    found: list[dict[str, Any]] = []

    async def summed_up() -> bool:
        found.extend(lines(capsys))
        return any("like" in line for line in found)

    await until(summed_up, 10)


def test_exceptions_and_library_lines_come_in_floods_too_and_the_end_sums_up(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger().handlers[:] = []
    log.configure("scheduler", "info", "json")
    for number in range(100):
        try:
            raise ValueError(number)
        except ValueError:
            log.get("m").exception("it failed")
        logging.getLogger("aiohttp").error("request %d failed", number)
    log.sum_up()
    told = capsys.readouterr().err
    assert told.count("ValueError: ") == told.count("ERROR aiohttp: request") == FIRST
    assert told.count(f" {100 - FIRST} more like it in the last second") == 2
