"""Logs: structlog, JSON where nobody watches, colours on a terminal. Ids and lengths go in; speech never does."""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import structlog


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
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # wire.bus tells about the connection itself


def get(name: str) -> Any:
    """The logger of one module: `log.info("session opened", session=…)`."""
    return structlog.get_logger(module=name)
