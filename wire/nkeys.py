"""Keys by which a process shows NATS who it is: Ed25519, written as NATS writes them (ADR-14, "nkeys"). PURE.

A seed ("SU…") is the secret, and stays with the process; the public key ("U…") stands in the server's configuration.
The server sends a nonce, the client signs it: nothing secret goes over the line. Both are base32 of a prefix, 32 bytes
and a CRC-16; there are libraries for this, and it is these few lines.
"""

from __future__ import annotations

import base64
import binascii
import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEED, USER = 18 << 3, 20 << 3
"""Prefix bytes: in base32 they read "S" and "U"."""
RAW_BYTES = 32

_SEED_IN_FILE = re.compile(r"^(SU[A-Z2-7]{56})$", re.MULTILINE)
_JWT_IN_FILE = re.compile(r"-+BEGIN NATS USER JWT-+\s+(\S+)\s+-+END NATS USER JWT-+")


def seed_of(raw: bytes) -> str:
    """The seed of 32 random bytes."""
    return _written(bytes((SEED | USER >> 5, (USER & 31) << 3)) + raw)


def public_of(seed: str) -> str:
    """The public key that belongs to a seed. Raises ValueError."""
    return _written(bytes((USER,)) + _key(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def signature(seed: str, nonce: bytes) -> bytes:
    """As NATS wants it in CONNECT: base64. Raises ValueError."""
    return base64.b64encode(_key(seed).sign(nonce))


def seed_in(text: str) -> str:
    """The seed in a file that holds nothing else, or in a `.creds` file of `nsc`. Raises ValueError."""
    found = _SEED_IN_FILE.search(text.replace("\r", ""))
    if found is None:
        raise ValueError("there is no user's nkey seed (SU…) in it")
    _key(found[1])
    return found[1]


def jwt_in(text: str) -> str:
    """The JWT in a `.creds` file; "" where there is none."""
    found = _JWT_IN_FILE.search(text)
    return found[1] if found is not None else ""


def _key(seed: str) -> Ed25519PrivateKey:
    try:
        given = base64.b32decode(seed + "=" * (-len(seed) % 8))
    except binascii.Error as error:
        raise ValueError("this is no nkey seed") from error
    if len(given) != RAW_BYTES + 4 or seed_of(given[2:-2]) != seed:
        raise ValueError("this is no nkey seed of a user, or a letter of it is wrong")
    return Ed25519PrivateKey.from_private_bytes(given[2:-2])


def _written(data: bytes) -> str:
    return base64.b32encode(data + binascii.crc_hqx(data, 0).to_bytes(2, "little")).decode().rstrip("=")
