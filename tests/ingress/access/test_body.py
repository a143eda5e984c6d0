from __future__ import annotations

import asyncio

import pytest

from ingress.access import body
from tests.ingress import client
from tests.nats_server import NatsServer


@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/realtime/client_secrets"])
async def test_who_does_not_send_what_was_announced_is_told(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(body, "PATIENCE_S", 0.2)
    async with client.ingress(server.url) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert b"408" in await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        await writer.wait_closed()
