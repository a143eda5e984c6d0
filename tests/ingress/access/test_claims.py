"""Real keys of each kind, and every way of lying with them that RFC 8725 knows."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from ingress.access.claims import BY_JWT, Claims, read
from ingress.access.refusals import Unauthorized
from wire.env import IngressSettings
from wire.errors import SettingsError

RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
SECRET = b"0123456789abcdef0123456789abcdef!"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def web_key(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, **more: str) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), **more}
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), **more}


def signed(key: Any, algorithm: str, headers: dict[str, str] | None = None, **claims: Any) -> str:
    full = {"tenant": "acme", "exp": time.time() + 60, **claims}
    return jwt.encode({name: value for name, value in full.items() if value is not None}, key, algorithm, headers)


def claims_of(tmp_path: Path, content: bytes, **given: Any) -> Claims:
    file = tmp_path / "keys"
    file.write_bytes(content)
    return Claims(IngressSettings(jwt_keys=str(file), **given))


@pytest.fixture
def by_rsa(tmp_path: Path) -> Claims:
    return claims_of(tmp_path, pem(RSA))


def refused(claims: Claims, token: str) -> str:
    with pytest.raises(Unauthorized) as caught:
        claims.caller(token)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "key", "algorithm"),
    [(pem(RSA), RSA, "RS256"), (pem(EC), EC, "ES256"), (SECRET + b"\n", SECRET, "HS256")],
)
def test_each_kind_of_key_takes_its_own_algorithm(tmp_path: Path, content: bytes, key: Any, algorithm: str) -> None:
    caller = claims_of(tmp_path, content).caller(signed(key, algorithm))
    assert (caller.tenant, caller.key) == ("acme", BY_JWT)
    assert caller.until > time.time()


def test_a_set_of_keys_goes_by_their_names(tmp_path: Path) -> None:
    secret = {"kty": "oct", "k": base64.urlsafe_b64encode(SECRET).decode().rstrip("="), "kid": "s"}
    ignored = [
        web_key(OTHER_RSA, kid="enc", use="enc"),
        web_key(OTHER_RSA, kid="ps", alg="PS256"),
        {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "ed"},
    ]
    known = [web_key(RSA, kid="r", alg="RS256", use="sig"), web_key(EC, kid="e"), secret]
    claims = claims_of(tmp_path, json.dumps({"keys": [*ignored, *known]}).encode())
    for key, algorithm, kid in ((RSA, "RS256", "r"), (EC, "ES256", "e"), (SECRET, "HS256", "s")):
        assert claims.caller(signed(key, algorithm, {"kid": kid})).tenant == "acme"
        assert claims.caller(signed(key, algorithm)).tenant == "acme"
    assert "signed" in refused(claims, signed(RSA, "RS256", {"kid": "e"}))
    assert "signed" in refused(claims, signed(RSA, "RS256", {"kid": "unknown"}))
    assert "signed" in refused(claims, signed(OTHER_RSA, "RS256", {"kid": "enc"}))


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_public_key_is_no_secret(by_rsa: Claims) -> None:
    """The oldest trick: sign with what everybody knows, and call it HS256."""
    body = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'tenant': 'acme', 'exp': time.time() + 60})}"
    for secret in (pem(RSA), pem(RSA).strip()):
        mac = hmac.digest(secret, body.encode(), hashlib.sha256)
        forged = f"{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
        assert "signed" in refused(by_rsa, forged)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "HS384", "RS512", "PS256", None, 1, ["RS256"]])
def test_no_algorithm_but_the_keys_own(by_rsa: Claims, algorithm: object) -> None:
    good = signed(RSA, "RS256").split(".")
    for signature in (good[2], ""):
        refused(by_rsa, f"{part({'alg': algorithm, 'typ': 'JWT'})}.{good[1]}.{signature}")


def test_what_was_changed_or_signed_by_others_is_refused(by_rsa: Claims) -> None:
    head, _, signature = signed(RSA, "RS256").split(".")
    assert "signed" in refused(by_rsa, f"{head}.{part({'tenant': 'other', 'exp': time.time() + 60})}.{signature}")
    assert "signed" in refused(by_rsa, signed(OTHER_RSA, "RS256"))
    own_key = {"jwk": web_key(OTHER_RSA), "jku": "https://evil.example.org/keys", "x5u": "https://evil.example.org"}
    assert "signed" in refused(by_rsa, signed(OTHER_RSA, "RS256", own_key))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"exp": None}, "exp"),
        ({"exp": time.time() - 31}, "expired"),
        ({"exp": "soon"}, "read"),
        ({"exp": float("inf")}, "read"),
        ({"exp": float("nan")}, "read"),
        ({"exp": 1e400}, "read"),
        ({"exp": True}, "expired"),
        ({"exp": {}}, "read"),
        ({"nbf": 2**40}, "not valid yet"),
        ({"tenant": None}, "'tenant'"),
        ({"tenant": ""}, "'tenant'"),
        ({"tenant": ["acme"]}, "'tenant'"),
        ({"tenant": "acme.>"}, "'tenant'"),
        ({"tenant": "a" * 65}, "'tenant'"),
        ({"tenant": "acme\n"}, "'tenant'"),
    ],
)
def test_claims_that_do_not_do(by_rsa: Claims, claims: dict[str, Any], told: str) -> None:
    assert told in refused(by_rsa, signed(RSA, "RS256", **claims))


def test_clocks_may_differ_by_half_a_minute(by_rsa: Claims) -> None:
    assert by_rsa.caller(signed(RSA, "RS256", exp=time.time() - 20, nbf=time.time() + 20)).tenant == "acme"


def test_issuer_and_audience_where_they_are_set(tmp_path: Path) -> None:
    claims = claims_of(tmp_path, pem(RSA), jwt_issuer="https://id", jwt_audience="dragoman", jwt_tenant_claim="org")
    good: dict[str, Any] = {"iss": "https://id", "aud": ["x", "dragoman"], "org": "acme"}
    assert claims.caller(signed(RSA, "RS256", **good)).tenant == "acme"
    assert "https://id" in refused(claims, signed(RSA, "RS256", **{**good, "iss": "https://id.evil"}))
    assert "iss" in refused(claims, signed(RSA, "RS256", **{**good, "iss": None}))
    assert "dragoman" in refused(claims, signed(RSA, "RS256", **{**good, "aud": "other"}))
    assert "aud" in refused(claims, signed(RSA, "RS256", **{**good, "aud": None}))
    assert "'org'" in refused(claims, signed(RSA, "RS256", **{**good, "org": None}))


def test_an_audience_is_nobodys_business_where_none_is_set(by_rsa: Claims) -> None:
    assert by_rsa.caller(signed(RSA, "RS256", aud="somebody else", iss="anybody")).tenant == "acme"


def test_the_file_is_read_again_when_it_changes(tmp_path: Path, by_rsa: Claims) -> None:
    by_rsa.refresh()
    file = tmp_path / "keys"
    file.write_bytes(b"-----BEGIN PUBLIC KEY-----\nhalf of it")
    by_rsa.refresh()
    assert by_rsa.caller(signed(RSA, "RS256")).tenant == "acme"
    file.unlink()
    by_rsa.refresh()
    assert by_rsa.caller(signed(RSA, "RS256")).tenant == "acme"
    file.write_bytes(pem(OTHER_RSA))
    by_rsa.refresh()
    assert by_rsa.caller(signed(OTHER_RSA, "RS256")).tenant == "acme"
    assert "signed" in refused(by_rsa, signed(RSA, "RS256"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"short", "32"),
        (b"{", "JWKS"),
        (b"[]" * 20, ""),
        (b'{"keys": []}', "no key"),
        (b'{"keys": 7}', "JWKS"),
        (b'{"keys": [{"kty": "RSA", "n": "AA", "e": "AQAB"}]}', "2048|JWKS"),
        (b'{"keys": [{"kty": "oct", "k": "AAAA"}]}', "32"),
        (b'{"kty": "OKP"}', "no key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "PEM"),
        (RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "private"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (pem(rsa.generate_private_key(public_exponent=65_537, key_size=1024)), "2048"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "keys").write_bytes(content)
    if not told:
        assert read(tmp_path / "keys")[0].algorithm == "HS256"
        return
    with pytest.raises(SettingsError, match=told):
        read(tmp_path / "keys")


def test_a_private_key_in_a_set_is_told(tmp_path: Path) -> None:
    private = RSAAlgorithm.to_jwk(RSA, as_dict=True)
    (tmp_path / "keys").write_text(json.dumps({"keys": [private]}))
    with pytest.raises(SettingsError, match="private"):
        read(tmp_path / "keys")
    with pytest.raises(SettingsError, match="cannot be read"):
        read(tmp_path / "nowhere")


FUZZED = Claims.__new__(Claims)


@settings(max_examples=200, deadline=None)
@given(
    header=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda each: st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "x"]), each),
    ),
    body=st.binary(max_size=40) | st.text(),
)
def test_nothing_that_is_sent_is_more_than_refused(header: Any, body: Any) -> None:
    from ingress.access.claims import SigningKey

    FUZZED._keys = [SigningKey(RSA.public_key(), "RS256"), SigningKey(SECRET, "HS256")]
    FUZZED._issuer = FUZZED._audience = None
    FUZZED._tenant_claim = "tenant"
    middle = base64.urlsafe_b64encode(body).decode() if isinstance(body, bytes) else body
    refused(FUZZED, f"{part(header)}.{middle}.c2ln")


def test_a_deep_one_is_refused_too(by_rsa: Claims) -> None:
    deep = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 5500).decode()
    refused(by_rsa, f"{deep}.e30.c2ln")


def test_a_jwt_is_an_operators_only_by_the_claim_that_was_named(tmp_path: Path) -> None:
    unnamed, named = claims_of(tmp_path, SECRET), claims_of(tmp_path, SECRET, jwt_admin_claim="operator")
    assert named.caller(signed(SECRET, "HS256", operator=True)).admin
    for claims in (unnamed, named):
        for said in ({}, {"admin": True}, {"operator": "true"}, {"operator": 1}, {"operator": ["true"]}):
            assert not claims.caller(signed(SECRET, "HS256", **said)).admin
    assert not unnamed.caller(signed(SECRET, "HS256", operator=True)).admin
