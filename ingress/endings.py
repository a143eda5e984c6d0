"""PURE. Every way in which a connection ends: its close code and the `error` told before it (docs/protocol.md)."""

from __future__ import annotations

from dataclasses import dataclass

from wire.errors import DragomanError
from wire.protocol import ErrorTold

NORMAL, BAD_MESSAGE, UNTRUSTED, TOO_BIG, GOING_AWAY, TRY_LATER = 1000, 1003, 1008, 1009, 1012, 1013
IMPOSSIBLE, UNAUTHORIZED, UNKNOWN_SESSION, IDLE, SLOW = 4400, 4401, 4404, 4408, 4413


@dataclass(frozen=True, slots=True)
class Ending:
    """`close` 0: the socket is gone already. Without an `error`, nothing but the close frame is sent."""

    close: int
    error: ErrorTold | None = None

    @classmethod
    def told(cls, close: int, code: str, message: str) -> Ending:
        return cls(close, ErrorTold(code=code, message=message, retryable=close in (GOING_AWAY, TRY_LATER)))

    @classmethod
    def because(cls, close: int, error: DragomanError) -> Ending:
        return cls(close, ErrorTold(code=error.code, message=str(error), retryable=error.retryable))

    @property
    def reason(self) -> str:
        """For logs: an error's code."""
        return self.error.code if self.error else "closed" if self.close else "left"


CLOSED = Ending(NORMAL)
LEFT = Ending(0)
STOPPING = Ending.told(GOING_AWAY, "going_away", "this server is going away: connect again")
UNKNOWN = Ending.told(
    UNKNOWN_SESSION, "session_unknown", "there is no such session for this token any more: start a new one"
)
REPLACED = Ending.told(UNTRUSTED, "replaced", "a newer connection has taken over the session: this one is over")
REVOKED = Ending.told(
    UNAUTHORIZED, "invalid_api_key", "the key that this connection came with has been revoked or has expired"
)
NO_OPENING = Ending.told(IDLE, "idle", "no session.start came")
QUIET = Ending.told(IDLE, "idle", "nothing was received for too long")
UNREAD = Ending.told(SLOW, "slow_reader", "what was sent has not been read: read faster, or ask for less")
FULL = Ending.told(
    TRY_LATER, "too_many_sessions", "this server has as many sessions as it takes: try again, or another"
)
NO_NATS = Ending.told(TRY_LATER, "nats_unavailable", "the server has lost its connection to NATS: try again")
NO_NODE = Ending.told(TRY_LATER, "no_node", "no node is ready to transcribe: try again when one is")
NO_SCHEDULER = Ending.told(TRY_LATER, "no_scheduler", "no scheduler answers for the session: try again")
EARLY_AUDIO = Ending.told(UNTRUSTED, "audio_before_start", "audio came before session.start: open the session first")
