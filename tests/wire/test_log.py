from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from wire import keys, log


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
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
