"""How a process shows a NATS server who it is, and how it knows the server: the settings `nats_…`, for `Bus.connect`.

Without any of them a connection is what its address says: no user, or the user and password in it. How keys and
certificates are made is in `deploy/nats/README.md`.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from wire import nkeys
from wire.env import Settings
from wire.errors import SettingsError


@dataclass(frozen=True)
class Login:
    """`seed`: an nkey's; with `jwt`, a user of a server that is run by operators' JWTs. `source`: the file that they
    are from. `tls` has the authorities to trust, and the client's own certificate where it has one."""

    seed: str = ""
    jwt: str = ""
    source: str = ""
    tls: ssl.SSLContext | None = None

    @property
    def public_key(self) -> str | None:
        """What the server knows this user by, where it is not the JWT."""
        return nkeys.public_of(self.seed) if self.seed and not self.jwt else None

    def sign(self, nonce: str) -> bytes:
        return nkeys.signature(self.seed, nonce.encode())

    def show_jwt(self) -> bytes:
        return self.jwt.encode()


NOBODY = Login()


def of(settings: Settings) -> Login:
    """Raises SettingsError, naming the setting and the file."""
    seed = jwt = ""
    if settings.nats_creds:
        try:
            text = Path(settings.nats_creds).expanduser().read_text(encoding="utf-8")
            seed, jwt = nkeys.seed_in(text), nkeys.jwt_in(text)
        except (OSError, ValueError) as error:
            raise SettingsError(f"nats_creds: {settings.nats_creds} cannot be used: {_why(error)}") from error
    return Login(seed, jwt, settings.nats_creds, _tls(settings))


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.nats_key and not settings.nats_cert:
        raise SettingsError("nats_key is of no use without nats_cert, the certificate that it belongs to")
    if not settings.nats_ca and not settings.nats_cert:
        return None
    try:
        context = ssl.create_default_context(cafile=_path(settings.nats_ca))
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"nats_ca: {settings.nats_ca} cannot be used: {_why(error)}") from error
    if settings.nats_cert:
        try:
            context.load_cert_chain(str(_path(settings.nats_cert)), _path(settings.nats_key))
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"nats_cert and nats_key: {settings.nats_cert} cannot be used: {_why(error)}"
            ) from error
    return context


def _path(name: str) -> str | None:
    return str(Path(name).expanduser()) if name else None


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
