"""What comes in at an ingress, counted: requests, sockets that close, clients who are turned away.

Routes are counted as they were declared, so that no address that somebody makes up becomes a label; nor does a
method or a close code that nobody here knows.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Iterator

from aiohttp import hdrs, web

from ingress import endings
from ingress.endings import Ending
from wire import metrics
from wire.errors import DragomanError
from wire.metrics import one_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

GAVE_UP = 499
"""The status of a request whose client went before it was answered."""
NO_ROUTE = "none"
METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_POST, hdrs.METH_DELETE, hdrs.METH_OPTIONS})
CLOSES = frozenset(
    str(code)
    for code in (
        0, endings.NORMAL, 1001, 1002, endings.BAD_MESSAGE, 1006, 1007, endings.UNTRUSTED, endings.TOO_BIG, 1011,
        endings.GOING_AWAY, endings.TRY_LATER, endings.IMPOSSIBLE, endings.UNAUTHORIZED, endings.UNKNOWN_SESSION,
        endings.IDLE, endings.SLOW,
    )
)  # fmt: skip
"""Ours, and those of RFC 6455 that browsers send."""


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost middleware, so that what others answer counts too."""
    began, status = time.perf_counter(), 500
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as error:
        status = error.status
        raise
    except asyncio.CancelledError:
        status = GAVE_UP
        raise
    finally:
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else NO_ROUTE
        metrics.HTTP_REQUESTS.labels(one_of(request.method, METHODS), route, str(status)).inc()
        if status != 101:
            metrics.HTTP_SECONDS.labels(route).observe(time.perf_counter() - began)


def closed(code: int | None) -> None:
    """A WebSocket is, with this code; None: it broke."""
    metrics.SOCKETS_CLOSED.labels(one_of(str(code or 0), CLOSES)).inc()


def turned_away(ending: Ending) -> None:
    """A connection ended before it had a session."""
    metrics.SESSIONS_REFUSED.labels(one_of(ending.reason, reasons())).inc()


@functools.cache
def reasons() -> frozenset[str]:
    """What may be told: the codes of the ends that there are, and of errors."""
    ends = {each.reason for each in vars(endings).values() if isinstance(each, Ending)}
    return frozenset(ends | {each.code for each in _kinds(DragomanError)})


def _kinds(error: type[DragomanError]) -> Iterator[type[DragomanError]]:
    yield error
    for each in error.__subclasses__():
        yield from _kinds(each)
