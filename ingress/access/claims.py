"""Callers who show a JWT (RFC 7519) that somebody else signed: an identity provider, or the operator's own program.

Which algorithm is right follows from the key alone (RFC 8725, 3.1), never from what a token says of itself: an RSA key
takes RS256, one on the curve P-256 takes ES256, a shared secret takes HS256, and nothing else is taken. So nobody signs
with a public key as if it were a secret, and `none` is no algorithm. The file of keys is read again when it changes;
one that cannot be read then leaves the former keys as they are.

The file is one of: a JWKS (RFC 7517), a public key as PEM, or a shared secret of at least 32 bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ingress.access.caller import Caller
from ingress.access.refusals import Unauthorized
from wire import subjects
from wire.env import IngressSettings
from wire.errors import SettingsError
from wire.log import get

log = get(__name__)

SKEW_S = 30
BY_JWT = "jwt"
"""Stands for the key of a caller who showed one."""

MIN_SECRET_BYTES, MIN_RSA_BITS = 32, 2048
MALFORMED = (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)
"""What PyJWT raises, where somebody who wishes it ill made the token."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`key` is what PyJWT takes for `algorithm`; `id` is its `kid`, or empty."""

    key: Any
    algorithm: str
    id: str = ""


class Claims:
    """Raises SettingsError where the keys cannot be read at first."""

    def __init__(self, settings: IngressSettings) -> None:
        self._path = Path(settings.jwt_keys).expanduser()
        self._issuer = settings.jwt_issuer or None
        self._audience = settings.jwt_audience or None
        self._tenant_claim = settings.jwt_tenant_claim
        self._admin_claim = settings.jwt_admin_claim
        self._seen = self._stamp()
        self._keys = read(self._path)

    def refresh(self) -> None:
        """Look whether the file has changed."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._keys = read(self._path)
        except SettingsError as error:
            log.warning("the keys of JWTs stay as they were", error=str(error))
        else:
            log.info("the keys of JWTs were read again", keys=len(self._keys))

    def caller(self, text: str) -> Caller:
        """Who shows this JWT. Raises Unauthorized."""
        claims = self._checked(text)
        tenant = claims.get(self._tenant_claim)
        try:
            tenant = subjects.token(tenant if isinstance(tenant, str) else "")
        except ValueError as error:
            raise Unauthorized(
                f"the JWT says in no claim {self._tenant_claim!r} whose it is: 1 to 64 letters, digits, '_' or '-'"
            ) from error
        admin = bool(self._admin_claim) and claims.get(self._admin_claim) is True
        return Caller(tenant, BY_JWT, until=float(claims["exp"]) + SKEW_S, admin=admin)

    def _checked(self, text: str) -> dict[str, Any]:
        """Its claims. Raises Unauthorized."""
        why = "none of the keys here signed this JWT"
        try:
            fitting = self._fitting(jwt.get_unverified_header(text).get("kid"))
            for each in fitting:
                try:
                    return self._decoded(text, each)
                except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
                    continue
        except jwt.ExpiredSignatureError:
            why = "the JWT has expired: get a new one"
        except jwt.MissingRequiredClaimError as error:
            why = f"the JWT lacks the claim {error.claim!r}"
        except jwt.InvalidIssuerError:
            why = f"the JWT is not by the issuer that is trusted here ({self._issuer})"
        except jwt.InvalidAudienceError:
            why = f"the JWT is not for here: its audience must be {self._audience}"
        except (jwt.ImmatureSignatureError, jwt.InvalidIssuedAtError):
            why = "the JWT is not valid yet: is the clock right where it was made?"
        except MALFORMED:
            why = "this JWT cannot be read"
        raise Unauthorized(why)

    def _decoded(self, text: str, key: SigningKey) -> dict[str, Any]:
        options: Any = {
            "require": ["exp"],
            "verify_aud": self._audience is not None,
            "verify_iss": self._issuer is not None,
        }
        claims: dict[str, Any] = jwt.decode(
            text, key.key, algorithms=[key.algorithm], audience=self._audience, issuer=self._issuer, leeway=SKEW_S,
            options=options,
        )  # fmt: skip
        if not math.isfinite(claims["exp"]):
            raise jwt.DecodeError("exp")
        return claims

    def _fitting(self, kid: object) -> list[SigningKey]:
        """A token that names its key is asked of that one, or of those that have no name."""
        if kid is None:
            return self._keys
        return [each for each in self._keys if each.id == kid] or [each for each in self._keys if not each.id]

    def _stamp(self) -> tuple[int, int, int]:
        """Of the file as it is now."""
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_ino, found.st_mtime_ns, found.st_size)


def read(path: Path) -> list[SigningKey]:
    """Raises SettingsError, saying what is wrong with the file."""
    try:
        content = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"jwt_keys: {path} cannot be read ({error.strerror or error})") from error
    if content.startswith(b"{"):
        return _of_set(content, path)
    if b"-----BEGIN" in content:
        return [_of_pem(content, path)]
    if len(content) < MIN_SECRET_BYTES:
        raise SettingsError(
            f"jwt_keys: {path} has {len(content)} bytes: a shared secret has at least {MIN_SECRET_BYTES}"
        )
    return [SigningKey(content, "HS256")]


def _of_pem(content: bytes, path: Path) -> SigningKey:
    if b"PRIVATE KEY" in content:
        raise SettingsError(f"jwt_keys: {path} is a private key: give the public one, and keep that to whoever signs")
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError(f"jwt_keys: {path} is no public key in PEM form") from error
    return SigningKey(key, _algorithm_of(key, path))


def _algorithm_of(key: object, path: Path) -> str:
    if isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS:
        return "RS256"
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return "ES256"
    raise SettingsError(f"jwt_keys: {path}: a key is RSA with {MIN_RSA_BITS} bits or more, or on the curve P-256")


class WebKey(msgspec.Struct, frozen=True):
    """Of a key in a JWKS, what decides whether it is one of ours."""

    kty: str = ""
    use: str = "sig"
    alg: str = ""
    kid: str = ""
    crv: str = ""


ALGORITHMS = {"RSA": "RS256", "EC": "ES256", "oct": "HS256"}


def _of_set(content: bytes, path: Path) -> list[SigningKey]:
    """Keys for other purposes and algorithms are left out, as providers publish many in one file."""
    try:
        found = msgspec.json.decode(content)
        keys = [key for raw in found.get("keys", [found]) if (key := _of_web_key(raw, path)) is not None]
    except (msgspec.DecodeError, jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SettingsError(f"jwt_keys: {path} is no JWKS that can be read ({type(error).__name__})") from error
    if not keys:
        raise SettingsError(f"jwt_keys: {path} has no key for RS256, ES256 or HS256")
    return keys


def _of_web_key(raw: dict[str, Any], path: Path) -> SigningKey | None:
    about = msgspec.convert(raw, WebKey)
    algorithm = ALGORITHMS.get(about.kty, "")
    if not algorithm or about.use != "sig" or about.alg not in ("", algorithm) or about.crv not in ("", "P-256"):
        return None
    key = jwt.PyJWK(raw, algorithm=algorithm).key
    if isinstance(key, bytes):
        if len(key) < MIN_SECRET_BYTES:
            raise SettingsError(f"jwt_keys: {path}: a shared secret has at least {MIN_SECRET_BYTES} bytes")
    elif "PrivateKey" in type(key).__name__:
        raise SettingsError(f"jwt_keys: {path} has a private key: give the public one, and keep that to whoever signs")
    else:
        _algorithm_of(key, path)
    return SigningKey(key, algorithm, about.kid)
