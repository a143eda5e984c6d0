"""The socket that the ingress listens on: its address, TLS, and what a client may send before anybody reads it.

A certificate that is renewed on disk is taken up by itself, for connections from then on; one that cannot be read then
leaves the former in use. Lines and headers that are too long are refused by the parser, and a client that takes too
long to send them is cut off.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
from pathlib import Path

from aiohttp import web

from wire.env import IngressSettings
from wire.errors import DragomanError, SettingsError
from wire.log import get

log = get(__name__)

BACKLOG = 4096
"""Connections that wait to be accepted: when thousands come at once, who finds no place tries again after a second. The
kernel has a limit of its own (net.core.somaxconn)."""

MAX_LINE, MAX_FIELD, MAX_FIELDS = 4096, 8190, 64
"""Of a request: bytes of its first line and of one header (a JWT has a few thousand), and headers in all."""

PATIENCE_S = 75.0
"""A connection on which no request has come in whole for so long is cut off."""

RENEWED_S = 5.0
"""Between two looks whether the certificate was renewed."""


class Certificate:
    """Raises SettingsError where it cannot be used."""

    def __init__(self, cert: str, key: str) -> None:
        self._cert, self._key = Path(cert).expanduser(), Path(key or cert).expanduser()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._seen = self._stamp()
        self._load(self.context)

    def renew(self) -> None:
        """Take it up anew if it has changed."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))  # half of a pair must not spoil the one in use
            self._load(self.context)
        except SettingsError as error:
            log.warning("the certificate stays as it was", error=str(error))
        else:
            log.info("the certificate was renewed")

    async def watch(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(RENEWED_S)
            self.renew()

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self._cert, self._key, password=_refuse_to_ask)
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            raise SettingsError(
                f"tls_cert {self._cert} and tls_key {self._key} cannot be used ({why}): give a chain and its key as "
                "PEM, without a password"
            ) from error

    def _stamp(self) -> list[tuple[int, int, int]]:
        try:
            found = [path.stat() for path in (self._cert, self._key)]
        except OSError:
            return []
        return [(each.st_ino, each.st_mtime_ns, each.st_size) for each in found]


def _refuse_to_ask() -> str:
    """OpenSSL would ask on the terminal, and wait."""
    raise ValueError("the key has a password")


def certificate(settings: IngressSettings) -> Certificate | None:
    """Raises SettingsError."""
    if settings.tls_cert:
        return Certificate(settings.tls_cert, settings.tls_key)
    if settings.tls_key:
        raise SettingsError("tls_key is given and tls_cert is not: give both, or one PEM file with both as tls_cert")
    return None


def runner(app: web.Application) -> web.AppRunner:
    return web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=0.5, keepalive_timeout=PATIENCE_S,
        max_line_size=MAX_LINE, max_field_size=MAX_FIELD, max_headers=MAX_FIELDS,
    )  # fmt: skip


async def listen(running: web.AppRunner, settings: IngressSettings, secured: Certificate | None) -> str:
    """Bind the port; port 0 takes a free one. Returns the base URL. Raises DragomanError (port_in_use,
    port_unusable)."""
    context = secured.context if secured is not None else None
    site = web.TCPSite(running, settings.host, settings.port, backlog=BACKLOG, ssl_context=context)
    try:
        await site.start()
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise DragomanError(
                f"port {settings.port} on {settings.host} is in use: end what uses it, or give another --port",
                code="port_in_use",
            ) from error
        raise DragomanError(
            f"{where} cannot be listened on: {error.strerror or error}", code="port_unusable"
        ) from error
    host, port = running.addresses[0][:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    scheme = "http" if context is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
