"""Events as the streams have them, of this version of Dragoman or of a later one."""

from __future__ import annotations

from wire import newer
from wire.errors import NewerSchema
from wire.messages import decode
from wire.protocol import AnyClientEvent, ClientEvent


class Unknown(ClientEvent, frozen=True, kw_only=True, tag="unknown"):
    """Of a later version: it has its number and so its turn, but nobody is told of it."""


def read(data: bytes) -> ClientEvent:
    """Raises ProtocolViolation where it is no event at all."""
    try:
        event: ClientEvent = decode(AnyClientEvent, data)
    except NewerSchema as error:
        newer.met("event", error)
        return Unknown(n=error.n)
    return event
