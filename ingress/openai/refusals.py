"""What a request is refused for, in OpenAI's terms. PURE."""

from __future__ import annotations

from wire.errors import ClientError


class Refused(ClientError):
    """`status` is HTTP's, `param` the field of the request that is wrong."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message, code=code or "invalid_value")
        self.param = param
        self.status = status


def unsupported(param: str, message: str) -> Refused:
    """What OpenAI has and Dragoman has not is refused by name: nobody must believe that it was heeded."""
    return Refused(message, param=param, code="unsupported_value")


def too_slow(seconds: float) -> Refused:
    return Refused(f"nothing has come for {seconds:.0f} s: send the request again", code="request_timeout", status=408)
