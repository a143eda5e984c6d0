"""Logs: structlog, JSON where nobody watches, colours on a terminal. Ids and lengths go in; speech never does.

Nor do keys: what looks like one is cut short in every line, whoever wrote it, a library's and a traceback's too.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import structlog

from wire import keys


def configure(process: str, level: str = "info", style: Literal["auto", "json", "console"] = "auto") -> None:
    """Send all logs of this process to stderr. Libraries' own logging is let through from WARNING up."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
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
    logging.basicConfig(level=logging.WARNING, handlers=[plain])
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # wire.bus tells about the connection itself


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return keys.redacted(super().format(record))


def _without_secrets(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = keys.redacted(value)
    return event


def get(name: str) -> Any:
    """The logger of one module: `log.info("session opened", session=…)`."""
    return structlog.get_logger(module=name)
