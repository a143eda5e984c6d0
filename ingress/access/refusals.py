"""What is said to those who may not come in, or not now. PURE."""

from __future__ import annotations

from dataclasses import dataclass

from wire.errors import ClientError, Unavailable


class Unauthorized(ClientError):
    """No key, or not a good one. HTTP 401."""

    code = "invalid_api_key"


class Forbidden(ClientError):
    """Not with this key, or not from there. HTTP 403."""

    code = "forbidden"


@dataclass(frozen=True, slots=True)
class Allowance:
    """Requests in this minute: so many in all, so many left, and seconds until it is over."""

    limit: int
    remaining: int
    reset_s: float


class OverLimit(Unavailable):
    """A tenant has used what it may: `rate_limited`, `too_many_sessions` or `quota_exceeded`. HTTP 429; a WebSocket is
    told an `error` with this code and closed with 1013. `retry_after` is in seconds."""

    code = "rate_limited"

    def __init__(self, message: str, *, code: str, retry_after: float, allowance: Allowance | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after
        self.allowance = allowance


class NoRoom(Unavailable):
    """As many sessions run as there is room for (and as many wait as may): `full`. HTTP 503; a WebSocket that is open
    already is told an `error` with this code and closed with 1013. `retry_after` is in seconds."""

    code = "full"

    def __init__(self, message: str, *, retry_after: float, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after
