from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from cryptography import x509

from ingress import listening
from ingress.listening import Certificate, certificate
from tests.ingress import certificates, client
from tests.nats_server import NatsServer
from tests.waiting import until
from wire.env import IngressSettings
from wire.errors import SettingsError


def trusting(cert: Path, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(cert))
    context.maximum_version = newest
    return context


async def who(url: str) -> str:
    """The name in the certificate that is shown there."""
    parts = urlsplit(url)
    pem = await asyncio.to_thread(ssl.get_server_certificate, (parts.hostname or "", parts.port or 0))
    return str(x509.load_pem_x509_certificate(pem.encode()).subject.rfc4514_string())


async def test_tls_from_the_first_request_and_a_certificate_that_is_renewed(
    server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "RENEWED_S", 0.05)
    cert, key = certificates.write(tmp_path, "first")
    async with client.ingress(server.url, tls_cert=str(cert), tls_key=str(key)) as url, aiohttp.ClientSession() as http:
        assert url.startswith("https://127.0.0.1:")
        async with http.get(f"{url}/healthz", ssl=trusting(cert)) as answer:
            assert answer.status == 200
            assert "Strict-Transport-Security" not in answer.headers, "localhost is for all that runs there"
        async with http.get(f"{url}/", ssl=trusting(cert), headers={"Host": "localhost.example.org"}) as answer:
            assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
        with pytest.raises(aiohttp.ClientError):
            await http.get(url.replace("https", "http") + "/healthz")
        assert await who(url) == "CN=first"
        key.write_text("half of a key")

        async def tried() -> bool:
            return await who(url) == "CN=first"

        await until(tried)
        certificates.write(tmp_path, "second")

        async def renewed() -> bool:
            return await who(url) == "CN=second"

        await until(renewed, 5)


def test_nothing_older_than_tls_1_2(tmp_path: Path) -> None:
    cert, key = certificates.write(tmp_path)
    assert Certificate(str(cert), str(key)).context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    cert, key = certificates.write(tmp_path, password=b"closed")
    with pytest.raises(SettingsError, match="password"):
        Certificate(str(cert), str(key))
    cert, key = certificates.write(tmp_path)
    (tmp_path / "other").mkdir()
    for pair in (
        (cert, tmp_path / "nowhere"), (tmp_path / "nowhere", key), (key, cert), (cert, cert),
        (cert, certificates.write(tmp_path / "other")[1]),
    ):  # fmt: skip
        with pytest.raises(SettingsError, match="tls_cert"):
            certificate(IngressSettings(tls_cert=str(pair[0]), tls_key=str(pair[1])))
    with pytest.raises(SettingsError, match="tls_cert is not"):
        certificate(IngressSettings(tls_key=str(key)))
    assert certificate(IngressSettings()) is None


async def said(url: str, request: bytes) -> bytes:
    """What comes back to these bytes, until the other side hangs up."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /?" + b"x" * 5000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: y\r\n" * 100 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\r\n b\x00c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_too_long_or_no_request_is_refused(server: NatsServer, request_: bytes) -> None:
    async with client.ingress(server.url) as url:
        answer = await said(url, request_)
        assert answer.split()[1] == b"400", answer[:80]
        assert (await client.get(url + "/healthz"))[0] == 200


async def test_who_is_too_slow_with_a_request_is_cut_off(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "PATIENCE_S", 0.3)
    async with client.ingress(server.url) as url:
        assert await said(url, b"GET / HTTP/1.1\r\nHost: 127.0.") == b""
        assert await said(url, b"") == b""
