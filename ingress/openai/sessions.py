"""The session behind a call: begun for its caller, and over when all is told. The one place that counts it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from ingress.access import Caller
from ingress.admission.book import size_of
from ingress.delivery import Outgoing
from ingress.endings import Ending
from ingress.recital import Recital, RecitalBroken, reciting
from ingress.shared import Ingress
from ingress.wishes import Wishes
from wire.messages import CloseRequested
from wire.protocol import SessionClosed

DONE = CloseRequested(after=-1).reason


@contextlib.asynccontextmanager
async def begun(ingress: Ingress, caller: Caller, wishes: Wishes) -> AsyncIterator[Recital]:
    """Raises what `reciting` does, OverLimit, and NoRoom: recordings need no room, for they wait behind what is live. A
    key that is revoked ends it."""
    recital: Recital | None = None

    def end(ending: Ending) -> None:
        if recital is not None:
            recital.break_off(ending)

    async with contextlib.AsyncExitStack() as place:
        place.enter_context(ingress.meter.asked(caller, end))
        if not wishes.options.recorded and ingress.unready() is None:
            await place.enter_async_context(ingress.desk.soon(caller.tenant, size_of(wishes)))
        recital = await place.enter_async_context(reciting(ingress, wishes, caller.tenant))
        yield recital


def check_end(piece: Outgoing) -> None:
    """Raises RecitalBroken where the session has ended, and not because all was done."""
    if isinstance(piece, SessionClosed) and piece.reason != DONE:
        raise RecitalBroken(f"the session was ended: {piece.reason}", code="session_ended")
