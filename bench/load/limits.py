"""How many files a process may have open: each client is one here, and one at the server."""

from __future__ import annotations

import resource

from wire.errors import DragomanError

SPARE = 200


class TooFewFiles(DragomanError):
    code = "too_few_files"


def raise_files() -> int:
    """To what this process may have at most, for itself and its children. Returns that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def check_files(clients: int) -> None:
    """Raises TooFewFiles where one process could not have so many connections."""
    allowed = raise_files()
    if allowed != resource.RLIM_INFINITY and allowed < clients + SPARE:
        raise TooFewFiles(
            f"this process may have {allowed} files open and {clients + SPARE} are needed for {clients} clients: "
            f"`ulimit -n {clients + SPARE}` as root, or LimitNOFILE= of its unit"
        )
