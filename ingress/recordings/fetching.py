"""A recording that is fetched from an address, where the operator has allowed it.

What a stranger can make a server fetch must not reach what only the server can reach. So: http and https alone; the
address that the connection goes to must be public, and that is looked at when the name was resolved, for the very
connection that is made then, and again at each redirect; no proxy, cookie, password or header of ours; and an end to
how much comes and how long it takes.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from ingress.recordings.refusals import Refused
from ingress.recordings.upload import MIB

MAX_REDIRECTS = 5
CONNECT_S, SILENCE_S, WHOLE_S = 10.0, 30.0, 3600.0
PIECE_BYTES = 64 * 1024
MAX_URL = 4096
REDIRECTS = (301, 302, 303, 307, 308)

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_OF_CLOUDS = frozenset({"168.63.129.16"})
"""Looks public, and is where machines in Azure ask their host for what they are configured with."""

Allowed = Callable[[str], bool]
"""Of an IP address, in text."""


class FetchFailed(Refused):
    def __init__(self, message: str) -> None:
        super().__init__(message, code="fetch_failed", param="urls")


def is_public(address: str) -> bool:
    """Whether everybody reaches the same there: neither this machine, nor its network, nor its cloud's services."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
        if found.is_site_local:
            return False
    return (
        found.is_global
        and str(found) not in _OF_CLOUDS
        and not (found.is_multicast or found.is_reserved or found.is_unspecified)
    )


class _Resolver(AbstractResolver):
    """Names only addresses that are allowed: what is resolved is what is connected to."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        if not found or not all(self._allowed(each["host"]) for each in found):
            raise _not_public(host)
        return found

    async def close(self) -> None:
        await self._system.close()


async def fetched(url: str, max_mb: int, allowed: Allowed = is_public) -> AsyncIterator[bytes]:
    """What is there, in pieces. Raises FetchFailed, Refused (too_large)."""
    timeout = aiohttp.ClientTimeout(total=WHOLE_S, sock_connect=CONNECT_S, sock_read=SILENCE_S)
    connector = aiohttp.TCPConnector(resolver=_Resolver(allowed), use_dns_cache=False, force_close=True, limit=1)
    size = 0
    try:
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, trust_env=False, auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(), headers={"Accept-Encoding": "identity", "User-Agent": "dragoman"},
        ) as session, await _followed(session, checked(url), allowed) as answer:  # fmt: skip
            if answer.status != 200:
                raise FetchFailed(f"{answer.url.host} answers {answer.status}")
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise FetchFailed(f"{answer.url.host} sends it compressed, which was not asked for")
            async for piece in answer.content.iter_chunked(PIECE_BYTES):
                size += len(piece)
                if size > max_mb * MIB:
                    raise Refused(f"a recording may have at most {max_mb} MiB", code="too_large", param="urls")
                yield piece
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        if isinstance(error.__cause__, FetchFailed):
            raise error.__cause__ from None
        raise FetchFailed(f"the recording cannot be fetched: {_words(error)}") from error
    finally:
        await connector.close()


async def _followed(session: aiohttp.ClientSession, url: URL, allowed: Allowed) -> aiohttp.ClientResponse:
    for _ in range(MAX_REDIRECTS + 1):
        _check_literal(url, allowed)
        answer = await session.get(url, allow_redirects=False, max_line_size=8190, max_field_size=8190)
        if answer.status not in REDIRECTS:
            return answer
        answer.close()
        url = checked(str(url.join(URL(answer.headers.get("Location", "")))))
    raise FetchFailed(f"there are more than {MAX_REDIRECTS} redirects")


def checked(text: str) -> URL:
    """An address that may be fetched, as far as it tells. Raises FetchFailed."""
    try:
        url = URL(text)
    except ValueError as error:
        raise FetchFailed("an address is not well formed") from error
    if len(text) > MAX_URL or url.scheme not in ("http", "https") or not url.host:
        raise FetchFailed("an address begins with http:// or https://")
    if url.user is not None or url.password is not None:
        raise FetchFailed("an address with a user or password in it is not fetched")
    return url


def _check_literal(url: URL, allowed: Allowed) -> None:
    """Where an address is a number, nobody is asked for its meaning."""
    host = url.host or ""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    if not allowed(host):
        raise _not_public(host)


def _not_public(host: str) -> FetchFailed:
    return FetchFailed(f"{host[:100]} is not on the public internet: nothing is fetched from there")


def _words(error: Any) -> str:
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "it took too long"
    return type(error).__name__
