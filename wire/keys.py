"""API keys and tokens: what they look like, and what is kept of them.

A key is `dgm_<id>_<secret>`. The id is for people and for logs; it is where the key's record stands. The secret is 32
letters and digits, 190 bits, which nobody guesses: so a plain SHA-256 of the whole is enough to keep, where a password
would need a slow hash. A key that turns up where it should not (a commit, a paste, a log) is known by its beginning, to
scanners as to `redacted`.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from dataclasses import dataclass

KEY, TOKEN, CLIENT_SECRET = "dgm", "dgt", "ek"
"""What they begin with: an API key, a short-lived token, and a token as OpenAI's clients expect it."""

ID_LENGTH, SECRET_LENGTH = 12, 32

_IDS = string.ascii_lowercase + string.digits
_SECRETS = string.ascii_letters + string.digits
_SHAPE = re.compile(rf"({KEY}|{TOKEN}|{CLIENT_SECRET})_([a-z0-9]{{{ID_LENGTH}}})_[A-Za-z0-9]{{{SECRET_LENGTH}}}")
_JWT = r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"
_SECRET = re.compile(rf"\b((?:{KEY}|{TOKEN}|{CLIENT_SECRET})_[a-z0-9]{{{ID_LENGTH}}})_[A-Za-z0-9]+|{_JWT}")


@dataclass(frozen=True, slots=True)
class Shape:
    """`kind` is KEY, TOKEN or CLIENT_SECRET."""

    kind: str
    id: str


def made(kind: str) -> str:
    """A new one."""
    id = "".join(secrets.choice(_IDS) for _ in range(ID_LENGTH))
    return f"{kind}_{id}_{''.join(secrets.choice(_SECRETS) for _ in range(SECRET_LENGTH))}"


def shape_of(text: str) -> Shape | None:
    """What this says that it is; None: it is no key or token of ours."""
    found = _SHAPE.fullmatch(text)
    return Shape(found[1], found[2]) if found else None


def is_id(text: str) -> bool:
    """Whether this can be a key's id."""
    return len(text) == ID_LENGTH and not set(text) - set(_IDS)


def hash_of(text: str) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def redacted(text: str) -> str:
    """The same text without the secrets of keys, tokens and JWTs."""
    return _SECRET.sub(lambda found: f"{found[1] or 'eyJ'}_…", text)
