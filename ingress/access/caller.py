"""Who is asking. Every door looks here before it does anything for somebody."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Caller:
    """`tenant` is whose sessions, rooms and recordings these are; `key` the id of the key that was shown or that the
    shown token was made with, or empty where none is needed. `room`: the only room that this caller may enter, or
    empty. `until`: what was shown ends then, in seconds since the epoch; 0: never. `session`: with what a session of
    this caller's begins, in the words of the door that made the token. `admin`: an operator, who may see and
    steer the fleet."""

    tenant: str = "default"
    key: str = ""
    room: str = ""
    until: float = 0.0
    session: str = ""
    admin: bool = False


CALLER = web.RequestKey("caller", Caller)


def caller_of(request: web.Request) -> Caller:
    """Who sent this request, as was found when it came."""
    return request.get(CALLER) or Caller()
