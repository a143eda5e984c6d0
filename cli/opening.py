"""How a session comes to be open: the first of several servers that lets it in, in its line where there is one.

Who waits in line is told its place, and so is `told`, in the events of docs/protocol.md. Where even the line is full,
the server says when to come again: `told` hears Postponed, and it is tried again, for two minutes in all.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from cli import link
from cli.events import Event, Postponed, UnknownEvent
from cli.link import ConnectionLost, Link, Refused
from cli.patience import Patience
from wire.errors import ProtocolViolation
from wire.messages import encode
from wire.protocol import ErrorTold, QueueStatus, SessionReady, StartRequest

START_PATIENCE_S = 20.0
"""For the first answer, and between two words to one who waits in line."""
SPREAD = 0.25
"""Not all who were told the same come again in the same moment: they take up to so much longer."""
AGAIN_S = 1.0
"""After a server went away, or filled up, while somebody waited there."""
FULL = "full"

Told = Callable[[Event], None]


async def opened(
    addresses: Sequence[str], start: StartRequest, key: str, told: Told
) -> tuple[list[str], Link, SessionReady]:
    """The addresses with the one in use first, the connection, and what the server said. Raises Refused."""
    patience = Patience()
    while True:
        try:
            return await _first_that_opens(list(addresses), start, key, told)
        except Refused as error:
            if error.retry_after is None:
                raise
            now = asyncio.get_running_loop().time()
            seconds = patience.pause(error, now, error.retry_after) * random.uniform(1, 1 + SPREAD)
            told(Postponed(seconds=round(seconds, 1)))
            await asyncio.sleep(seconds)


async def _first_that_opens(
    addresses: list[str], start: StartRequest, key: str, told: Told
) -> tuple[list[str], Link, SessionReady]:
    """Raises Refused: what the last of them said, or one that has room later."""
    refused: list[Refused] = []
    for _ in range(len(addresses)):
        try:
            connection, ready = await _opened_at(addresses[0], start, key, told)
            return addresses, connection, ready
        except Refused as error:
            if not error.retryable:
                raise
            refused.append(error)
        addresses.append(addresses.pop(0))
    raise next((error for error in refused if error.retry_after is not None), refused[-1])


async def _opened_at(address: str, start: StartRequest, key: str, told: Told) -> tuple[Link, SessionReady]:
    try:
        async with asyncio.timeout(link.CONNECT_PATIENCE_S + START_PATIENCE_S) as patience:
            connection = await link.opened(address, key)
            try:
                return connection, await _let_in(connection, start, told, patience)
            except BaseException:
                await connection.abandon()
                raise
    except TimeoutError as error:
        raise Refused(f"{address} does not answer", code="unreachable", retryable=True) from error


async def _let_in(connection: Link, start: StartRequest, told: Told, patience: asyncio.Timeout) -> SessionReady:
    waited = False
    try:
        await connection.put(encode(start).decode())
        event = await connection.receive(START_PATIENCE_S)
        while isinstance(event, UnknownEvent | QueueStatus):
            if isinstance(event, QueueStatus):
                waited = True
                told(event)
                patience.reschedule(asyncio.get_running_loop().time() + START_PATIENCE_S)
            event = await connection.receive(START_PATIENCE_S)
    except (ConnectionLost, ProtocolViolation) as error:
        again = AGAIN_S if waited and error.retryable else None
        raise Refused(str(error), code=error.code, retryable=error.retryable, retry_after=again) from error
    match event:
        case SessionReady():
            return event
        case ErrorTold():
            again = AGAIN_S if event.retryable and (waited or event.code == FULL) else None
            raise Refused(event.message, code=event.code, retryable=event.retryable, retry_after=again)
        case _:
            raise Refused("the server opened with something else than session.started", code=ProtocolViolation.code)
