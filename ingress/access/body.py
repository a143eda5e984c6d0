"""A small body, read as a whole, from a client that may take its time but not for ever."""

from __future__ import annotations

import asyncio

from aiohttp import web

PATIENCE_S = 75.0


async def whole(request: web.Request) -> bytes:
    """Raises HTTPRequestTimeout, and HTTPRequestEntityTooLarge for more than the application takes."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout(text=f"the body has not come in whole within {PATIENCE_S:.0f} s") from error
