"""What /v1/jobs says no to. PURE."""

from __future__ import annotations

from wire.errors import ClientError


class Refused(ClientError):
    """`status` is HTTP's; `param` the field that is wrong. `retry_after` in seconds, where waiting helps."""

    def __init__(
        self, message: str, *, code: str, status: int = 400, param: str | None = None, retry_after: int = 0
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.param = param
        self.retry_after = retry_after


class TooLarge(Refused):
    def __init__(self, limit_mb: int) -> None:
        super().__init__(f"a recording may have at most {limit_mb} MiB", code="too_large", status=413, param="file")


class NotThere(Refused):
    """Or somebody else's, which is the same."""

    def __init__(self) -> None:
        super().__init__("there is no such job", code="not_found", status=404)


class StorageFull(Refused):
    def __init__(self) -> None:
        message = "the server keeps as many recordings and results as it can: delete some, or try again later"
        super().__init__(message, code="storage_full", status=507)
