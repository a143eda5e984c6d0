"""What stands in the buckets `rooms` and `parties`, and the codes of rooms. PURE.

A room is wherever its members are. Each ingress that has some of them says so in a `PartyRecord` of its own, renewed
every few seconds: nobody else writes it, and where its ingress dies it goes by itself. What a member sees is all
parties of its room, merged. The `RoomRecord` says that there is such a room, and whose words to read for those who
join late.

A code is all that anybody needs to join, so it must not be guessed: 8 of 31 characters are 39.6 bits. Where 100 rooms
are in use and somebody tries a thousand codes a second, the first is found after three months on average. Characters
that people mistake for one another (0 O, 1 I L) are not in it, and upper and lower case are the same.
"""

from __future__ import annotations

import re

import msgspec

from wire.messages import Message

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 8
MAX_NAME = 40
MAX_LANGUAGES = 16
"""In a room; also the most targets of a session."""
MAX_PAST = 64
"""Speakers whose words are read for those who join late."""

_CODE = re.compile(f"[{ALPHABET}]{{{CODE_LENGTH}}}")


def code_of(text: str) -> str | None:
    """The code that somebody typed, in its one spelling; None: it is none. Spaces and hyphens do not count."""
    code = re.sub(r"[\s-]", "", text).upper()
    return code if _CODE.fullmatch(code) else None


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody in a room. `language` is what they read and, with `speech`, hear; with `captions` they want words while
    these are spoken.

    Who speaks has a `session`, speaks `source` ("auto": it is detected) and is put into `targets`. `away`: their
    connection broke a moment ago. `since` is when they came, seconds since the epoch.
    """

    member: str
    name: str
    language: str
    speech: bool = True
    captions: bool = True
    session: str = ""
    source: str = "auto"
    targets: list[str] = []
    away: bool = False
    since: float = 0.0


class PartyRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`parties/<code>.<party>`: the members of one room that are at one ingress."""

    members: list[Member]


class PastSpeaker(msgspec.Struct, frozen=True):
    member: str
    session: str
    name: str
    language: str


class RoomRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`rooms/<code>`: there is such a room, and it is this tenant's. `speakers` are those of late, the newest last."""

    code: str
    tenant: str = "default"
    speakers: list[PastSpeaker] = []
