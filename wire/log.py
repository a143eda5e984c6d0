"""Logs: structlog, JSON where nobody watches, colours on a terminal. Ids and lengths go in; speech never does.

Nor do keys: what looks like one is cut short in every line, whoever wrote it, a library's and a traceback's too.
What a task `bind`s stands in all of its lines: the session, the job. A line that is about an utterance has the id of
its trace. Of lines that come in floods the first are told, and once a second how many more there were (`wire.flood`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import sys
import time
from collections.abc import Iterator
from typing import Any, Literal

import structlog

from wire import keys, trace
from wire.flood import SECOND, Flood, Kind

LIKE = "like"
"""The field of a line that sums up others: the event that they had."""

_flood = Flood()
_clock = time.monotonic


def configure(process: str, level: str = "info", style: Literal["auto", "json", "console"] = "auto") -> None:
    """Send all logs of this process to stderr. Libraries' own logging is let through from WARNING up."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            _first_of_many,
            _with_context,
            _with_trace,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    plain = logging.StreamHandler(sys.stderr)
    plain.setFormatter(_Formatter("%(levelname)s %(name)s: %(message)s"))
    plain.addFilter(_first_of_records)
    logging.basicConfig(level=logging.WARNING, handlers=[plain])
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # wire.bus tells about the connection itself


def get(name: str) -> Any:
    """The logger of one module: `log.info("session opened", session=…)`."""
    return structlog.get_logger(module=name)


def bind(**ids: str) -> None:
    """These stand in every line of the task that runs from here on, and of those that it starts."""
    structlog.contextvars.bind_contextvars(**ids)


@contextlib.contextmanager
def bound(**ids: str) -> Iterator[None]:
    """The same, for as long as the block runs."""
    with structlog.contextvars.bound_contextvars(**ids):
        yield


def withheld() -> int:
    """Lines that were not told, for there were too many alike."""
    return _flood.withheld


def sum_up(now: float = math.inf) -> None:
    """Tell how many lines were withheld, of each kind, in the second before `now`; by default of all that is left."""
    for kind, lines in _flood.over(now):
        tell = getattr(get(kind.module), kind.level)
        tell(f"… {lines} more like it in the last second", **{LIKE: kind.event})


# --- processors ---


def _first_of_many(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    level = "error" if method == "exception" else method
    if LIKE in event or _admits(Kind(str(event["event"]), level, str(event.get("module", "")))):
        return event
    raise structlog.DropEvent


def _first_of_records(record: logging.LogRecord) -> bool:
    """The same for what libraries log."""
    return _admits(Kind(str(record.msg), "error" if record.levelno >= logging.ERROR else "warning", record.name))


def _admits(kind: Kind) -> bool:
    sum_up(_clock())
    owed = _flood.owes
    admitted = _flood.admits(kind)
    if not (admitted or owed):
        with contextlib.suppress(RuntimeError):  # without a loop the next line, or the end, sums up
            asyncio.get_running_loop().call_later(SECOND, lambda: sum_up(_clock()))
    return admitted


def _with_context(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What sums up others has no ids of whoever came by just then."""
    if LIKE not in event:
        return structlog.contextvars.merge_contextvars(logger, method, event)
    context = structlog.contextvars.get_contextvars()
    return {**event, **({"process": context["process"]} if "process" in context else {})}


def _with_trace(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (found := trace.of_line(event)) is not None:
        event["trace_id"] = trace.shown(found)
    return event


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return keys.redacted(super().format(record))


def _without_secrets(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = keys.redacted(value)
    return event
