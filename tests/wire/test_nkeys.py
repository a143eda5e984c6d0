from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wire import nkeys

SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
"""Both as in the documentation of NATS (nkeys)."""
CREDS = f"""-----BEGIN NATS USER JWT-----
eyJ0.eyJq.c2ln
------END NATS USER JWT------

************************* IMPORTANT *************************

-----BEGIN USER NKEY SEED-----
{SEED}
------END USER NKEY SEED------
"""


def test_a_seed_and_its_public_key_read_as_those_of_nats() -> None:
    assert nkeys.public_of(SEED) == PUBLIC


def test_any_32_bytes_make_a_seed_that_signs() -> None:
    seed = nkeys.seed_of(bytes(range(32)))
    public = nkeys.public_of(seed)
    assert (seed[:2], public[0], len(seed), len(public)) == ("SU", "U", 58, 56)
    raw = base64.b32decode(public)[1:-2]
    Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(nkeys.signature(seed, b"nonce")), b"nonce")


@pytest.mark.parametrize("wrong", ["", "SU", SEED[:-1], SEED[:-1] + "A", PUBLIC, "SU!", "S" + SEED[1:].lower()])
def test_what_is_no_seed_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no nkey seed"):
        nkeys.public_of(wrong)


def test_a_seed_is_found_in_files_of_both_kinds() -> None:
    assert nkeys.seed_in(SEED + "\r\n") == nkeys.seed_in(CREDS) == SEED
    assert nkeys.jwt_in(CREDS) == "eyJ0.eyJq.c2ln"
    assert nkeys.jwt_in(SEED) == ""
    with pytest.raises(ValueError, match="no user's nkey seed"):
        nkeys.seed_in("secret")
    with pytest.raises(ValueError, match="a letter of it is wrong"):
        nkeys.seed_in(SEED[:-1] + "A")
