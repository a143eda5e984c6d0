"""Which pages may use this server from a browser, and by which names it may be called. PURE.

A browser sends what a page asks it to, from wherever the page is. It says so in `Origin`; programs send none. And a
page whose name was made to point at 127.0.0.1 (DNS rebinding) has an origin that looks like ours: it is known by the
name in `Host`.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from wire.addresses import is_loopback

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
ANY = "*"


def is_ours(origin: str, host: str, origins: Sequence[str]) -> bool:
    """Whether a page from `origin` may: it came from here (`host` is the request's), or it is one of `origins`."""
    if ANY in origins or origin in origins:
        return True
    there = _place(origin)
    if there is None:
        return False
    scheme, name, port = there
    here = _place(f"{scheme}://{host}")
    return here is not None and (name, port) == here[1:]


def is_called_rightly(host: str, origins: Sequence[str]) -> bool:
    """Of a server on loopback: whether `host`, as in the header of that name, is this machine or one of `origins`."""
    here = _place(f"http://{host}")
    if here is None:
        return False
    name = here[1]
    known = [place[1] for origin in origins if (place := _place(origin)) is not None]
    return is_loopback(name) or name.endswith(".localhost") or name in known


def _place(origin: str) -> tuple[str, str, int] | None:
    """(scheme, name, port), or None for what is no origin."""
    try:
        parts = urlsplit(origin)
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    if (
        parts.scheme not in PORTS
        or not name
        or parts.path not in ("", "/")
        or parts.query
        or parts.username is not None
    ):
        return None
    return parts.scheme, name.rstrip("."), port if port is not None else PORTS[parts.scheme]
