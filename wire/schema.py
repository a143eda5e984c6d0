"""Versions of messages, for the hours in which a fleet runs two of them. PURE. docs/upgrading.md has the rules.

The `type` of a message is its name and its version: `job` is the first, `job@2` the second, and so on. So what has not
changed carries nothing more than before, in JSON, in MessagePack and in KV values alike; and nobody, not even a process
that knows of no versions, takes one version for another: a type that is not known is not decoded at all.

A field that is added with a default makes no new version: who does not know it ignores it, and who misses it has the
default.
"""

from __future__ import annotations

import re
import typing
from functools import cache
from typing import Any

import msgspec

_TYPE = re.compile(r"([A-Za-z_.]+)(?:@([1-9][0-9]*))?")


class Opening(msgspec.Struct):
    """What is told of a message without knowing its kind. `n` is the number of a client's event."""

    type: str = ""
    n: int = 0


_json = msgspec.json.Decoder(Opening)
_msgpack = msgspec.msgpack.Decoder(Opening)


def opening(data: bytes) -> Opening:
    """An empty one where it is no message."""
    try:
        return _json.decode(data) if data[:1] == b"{" else _msgpack.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Opening()


@cache
def _known(kind: Any) -> dict[str, int]:
    """Name -> the newest version, of this struct or of all in this union."""
    found: dict[str, int] = {}
    for each in typing.get_args(kind) or (kind,):
        name, version = _read(str(each.__struct_config__.tag))
        found[name] = max(version, found.get(name, 0))
    return found


def _read(type: str) -> tuple[str, int]:
    """Name and version; ("", 0) for what is no type."""
    found = _TYPE.fullmatch(type)
    return (found[1], int(found[2] or 1)) if found is not None else ("", 0)


def is_newer(kind: Any, type: str) -> bool:
    """Whether a message of this type, which is not to be read as `kind`, is of a later version than this one: one that
    has changed since or, where there are several kinds, one that there was not."""
    name, version = _read(type)
    known = _known(kind)
    return version > known[name] if name in known else bool(name) and len(known) > 1
