"""What a recording and all that is asked of it are known by, so that asking again is not asking for more.

The fingerprint goes to the server as the request's Idempotency-Key: the same file and the same wishes are the same job,
from any directory, on any host, and however often it is asked for.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

PIECE_BYTES = 8 * 1024 * 1024


async def fingerprint(file: Path, wishes: Mapping[str, object], told: Callable[[int], None]) -> str:
    """64 hexadecimal digits: SHA-256 over the file's name and content and over `wishes`, in whatever order they stand.
    `told` is how many bytes were read. May be cancelled at any time. Raises OSError."""
    whole = hashlib.sha256(msgspec.json.encode({"name": file.name, **wishes}, order="deterministic"))
    content = hashlib.sha256()
    with file.open("rb") as opened:
        done = 0
        while piece := await asyncio.to_thread(opened.read, PIECE_BYTES):
            await asyncio.to_thread(content.update, piece)
            done += len(piece)
            told(done)
    whole.update(content.digest())
    return whole.hexdigest()
