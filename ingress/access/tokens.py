"""Tokens for those who must not have the key: a browser, a guest (`POST /v1/tokens`, and the invites of rooms).

A token is good wherever its key is, until it expires or the key goes; what runs by then goes on. One that was made with
a token or a JWT does not outlive that. With `room` it lets into that room and nowhere else. One that an operator made
is no operator's, unless `admin` is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from ingress.access.body import whole
from ingress.access.caller import Caller, caller_of
from ingress.access.keyring import Keyring
from ingress.access.refusals import Forbidden
from ingress.access.wanted import read

INVITE_S = 12 * 3600
"""Of an invite to a room."""

CheckRoom = Callable[[str, Caller], Awaitable[str]]
"""Gives a room's code in its one spelling, where the caller may enter it; raises ClientError."""


async def issue(request: web.Request, keyring: Keyring, check_room: CheckRoom) -> web.Response:
    """Raises ClientError, Forbidden, QueueFull, NatsUnavailable."""
    caller = caller_of(request)
    wanted = read(await whole(request))
    if wanted.admin and not caller.admin:
        raise Forbidden("only an operator makes a token for operators: show an admin key")
    seconds = min(wanted.seconds, caller.until - time.time()) if caller.until else wanted.seconds
    if seconds < 1:
        raise Forbidden("what was shown expires in this moment: nothing can be made with it")
    room = await check_room(wanted.room, caller) if wanted.room else ""
    made = await keyring.mint(caller, seconds, room=room, admin=wanted.admin)
    told = {"token": made.text, "expires_at": int(made.expires), "tenant": caller.tenant, "room": room or None}
    return web.json_response(told, status=201, headers={"Cache-Control": "no-store"})
