"""What a stranger can make this server fetch, and what not. A server on 127.0.0.1 stands for the public internet where
a test says so; all else is refused before anything is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from ingress.recordings import fetching
from ingress.recordings.fetching import FetchFailed, checked, fetched, is_public
from ingress.recordings.refusals import Refused


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
        "2001:0:0:0:0:0:80ff:fffe", "2001:db8::1", "168.63.129.16", "::ffff:168.63.129.16", "not an address",
    ],
)  # fmt: skip
def test_all_else_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com", "file:///etc/passwd", "//example.com", "example.com", "http://", "https://a:b@example.com/",
     "https://a@example.com", "data:audio/wav;base64,AA", "http://[::1", "https://x.example/" + "y" * 5000],
)  # fmt: skip
def test_addresses_that_are_never_fetched(url: str) -> None:
    with pytest.raises(FetchFailed):
        checked(url)


asked: list[str] = []


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """Its base URL. `asked` are the paths that were asked for."""
    asked.clear()

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        match request.match_info["what"]:
            case "recording":
                assert "Cookie" not in request.headers
                assert "Authorization" not in request.headers
                return web.Response(body=b"sound" * 1000)
            case "long":
                response = web.StreamResponse()
                await response.prepare(request)
                for _ in range(20):
                    await response.write(bytes(64 * 1024))
                return response
            case "packed":
                return web.Response(body=b"x", headers={"Content-Encoding": "gzip"})
            case "away":
                return web.Response(status=302, headers={"Location": request.query["to"]})
            case "cut":
                response = web.StreamResponse(headers={"Content-Length": "1000"})
                await response.prepare(request)
                await response.write(b"some")
                assert request.transport is not None
                request.transport.abort()
                return response
            case other:
                return web.Response(status=int(other))

    app = web.Application()
    app.router.add_get("/{what}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def read(url: str, public: tuple[str, ...] = ("127.0.0.1",), max_mb: int = 1) -> bytes:
    return b"".join([piece async for piece in fetched(url, max_mb, lambda address: address in public)])


async def test_a_recording_is_fetched_along_redirects(site: str) -> None:
    assert await read(f"{site}/recording") == b"sound" * 1000
    assert await read(f"{site}/away?to=/away%3Fto=/recording") == b"sound" * 1000
    by_name = site.replace("127.0.0.1", "localhost")
    assert await read(f"{by_name}/recording", ("127.0.0.1", "::1")) == b"sound" * 1000


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0177.0.0.1", "2130706433", "0x7f.1", "127.1", "[::1]"])
async def test_this_machine_is_asked_nothing_however_it_is_spelled(site: str, host: str) -> None:
    with pytest.raises(FetchFailed):
        await read(f"{site.replace('127.0.0.1', host)}/recording", public=())
    assert asked == []


@pytest.mark.parametrize(
    "to", ["http://localhost:{port}/recording", "http://[::ffff:127.0.0.1]:{port}/recording", "file:///etc/passwd", ""]
)
async def test_a_redirect_leads_no_further_than_an_address(site: str, to: str) -> None:
    """127.0.0.1 passes for public here, and whatever `localhost` resolves to does not."""
    port = site.rsplit(":", 1)[1]
    seen: list[str] = []

    def allowed(address: str) -> bool:
        seen.append(address)
        return address == "127.0.0.1" and len(seen) == 1

    with pytest.raises(FetchFailed):
        [piece async for piece in fetched(f"{site}/away?to={to.format(port=port)}", 1, allowed)]
    assert "/recording" not in asked


async def test_redirects_come_to_an_end(site: str) -> None:
    with pytest.raises(FetchFailed, match="redirects"):
        await read(f"{site}/away?to=/away%3Fto=/away%253Fto=/away%25253Fto=/away%2525253Fto=/away%252525253Fto=/away")
    assert len(asked) <= fetching.MAX_REDIRECTS + 1


async def test_too_much_is_not_taken(site: str) -> None:
    with pytest.raises(Refused) as refused:
        await read(f"{site}/long")
    assert refused.value.code == "too_large"


@pytest.mark.parametrize("what", ["404", "500", "204", "packed", "cut"])
async def test_what_is_no_recording_is_said_to_be_none(site: str, what: str) -> None:
    with pytest.raises(FetchFailed):
        await read(f"{site}/{what}")


async def test_who_does_not_answer_in_time_is_given_up(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "WHOLE_S", 0.0001)
    with pytest.raises(FetchFailed, match="too long"):
        await read(f"{site}/long")


async def test_nobody_is_there(site: str) -> None:
    with pytest.raises(FetchFailed, match="cannot be fetched"):
        await read("http://127.0.0.1:1/recording")
