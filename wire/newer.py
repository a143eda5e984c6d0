"""What is done with a message of a later version: it is left alone, counted, and told in the log once for each type."""

from __future__ import annotations

from typing import Literal

from wire.errors import NewerSchema
from wire.log import get
from wire.metrics import MESSAGES_NEWER

log = get(__name__)

What = Literal["mail", "job", "partial", "event", "speech", "record"]
REMEMBERED = 100
_told: dict[tuple[What, str], None] = {}


def met(what: What, error: Exception) -> bool:
    """Whether it was that which was the matter. If not, nothing is done here."""
    if not isinstance(error, NewerSchema):
        return False
    MESSAGES_NEWER.labels(what).inc()
    if (what, error.type) not in _told:
        if len(_told) < REMEMBERED:
            _told[what, error.type] = None
        log.warning("this is of a later version of Dragoman: upgrade this process", what=what, type=error.type)
    return True
