"""How long to go on trying, and when to try again. PURE: times are arguments, in seconds of any one monotonic clock."""

from __future__ import annotations

from wire.errors import DragomanError

FOR_S = 120.0
"""What did not work for so long is given up."""

FIRST_S, LONGEST_S = 0.5, 8.0


class Patience:
    """Ask `pause` after each failure, and say `succeeded` in between."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._pause = FIRST_S

    def succeeded(self) -> None:
        self._since, self._pause = None, FIRST_S

    def pause(self, error: DragomanError, now: float, retry_after: float | None = None) -> float:
        """Seconds to wait before the next attempt. Raises `error` where waiting is of no use, or has been long enough.

        A server that says when to come back is believed.
        """
        self._since = now if self._since is None else self._since
        pause = self._pause if retry_after is None else max(retry_after, FIRST_S)
        if not error.retryable or now + pause - self._since > FOR_S:
            raise error
        self._pause = min(2 * self._pause, LONGEST_S)
        return pause
