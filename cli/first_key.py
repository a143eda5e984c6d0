"""The first key of a server that others can reach.

Such a server demands one, and where `dragoman up` starts everything there is nothing yet to make it in: so `up` makes
it itself, when NATS is there and the ingress is not. It is shown once. Where nobody watches, what is printed ends up in
a log, and a log is no place for a key: there it goes into a file that only its owner can read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cli import keys
from wire import login
from wire.addresses import is_loopback
from wire.bus import Bus
from wire.env import IngressSettings

FILE = "first-key"


async def made(nats_url: str, ingress: IngressSettings) -> str:
    """The key, where the ingress would not start without one; empty where there is no need. Raises NatsUnavailable."""
    if is_loopback(ingress.host) or ingress.auth != "auto" or ingress.jwt_keys:
        return ""
    async with Bus.connect(nats_url, "up", login.of(ingress), patience=5) as bus:
        await bus.declare()
        if await keys.exist(bus):
            return ""
        return await keys.create(bus, keys.DEFAULT_TENANT, "first")


def told(key: str, folder: Path, *, watched: bool) -> Iterator[str]:
    """Lines that say which it is, or where. Without a key there is nothing to say."""
    if not key:
        return
    shown, once = (key, "is shown only once") if watched else (f"in {written(key, folder)}", "stands there alone")
    yield f"  Its key:           {shown}"
    yield f"{'':21}Others can reach this server, so it asks for a key. This one was made just now, and"
    yield f"{'':21}{once}; `dragoman keys create` makes more."


def written(key: str, folder: Path) -> Path:
    """The file, which nobody else can read."""
    path = folder / FILE
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key + "\n")
    return path
