"""The page where a key is asked for, in a real browser before a real ingress: the key, its end, and a guest without
one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.ingress import client, stand_in
from tests.ingress.access.doors import given, revoke
from tests.nats_server import NatsServer
from tests.page import browser
from tests.page.browser import Browser, Page
from tests.page.test_lobby import write
from wire import keys
from wire.bus import Bus

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser.find() is None, reason="no Chromium on this host (apt-get install chromium)"),
]

LIVE = "document.body.dataset.phase === 'live'"
READY = "document.body.dataset.phase === 'ready'"
ASKED = "document.querySelector('#door').open"
KNOWN = "document.querySelector('#source').options.length > 1"


@pytest.fixture(scope="module")
def devtools() -> Iterator[str]:
    with browser.launched() as address:
        yield address


@pytest.fixture
async def url(server: NatsServer) -> AsyncIterator[str]:
    async with stand_in.actor(server.url), stand_in.node(server.url), client.ingress(server.url) as url:
        await client.ready(url)
        yield url


@pytest.fixture
async def key(bus: Bus) -> str:
    return await given(bus, "acme")


def unexpected(page: Page) -> list[str]:
    """The browser tells of each 401 by itself, and of sockets that were refused."""
    return [each for each in page.problems if "401" not in each and "Authentication failed" not in each]


async def give(page: Page, key: str) -> None:
    await page.until(ASKED)
    await write(page, "#door-key", key)
    await page.click("#door-form button")


async def test_the_page_asks_for_a_key_and_shows_it_until_it_is_revoked(
    devtools: str, url: str, key: str, bus: Bus
) -> None:
    async with Browser.opened(devtools) as connected, connected.page() as page:
        await page.goto(url)
        await give(page, keys.made(keys.KEY))
        await page.until("document.querySelector('#door-trouble').textContent.includes('not known')")
        await give(page, key)
        await page.until(f"!{ASKED} && {KNOWN}")
        await page.click("#start")
        await page.until(LIVE)
        assert key not in await page.eval("location.href + document.documentElement.outerHTML")
        assert await page.eval("localStorage.getItem('dragoman.key')") is None
        await page.click("#start")
        await page.until(READY)

        await page.goto("about:blank")
        await page.goto(url)
        await page.until(KNOWN)
        assert not await page.eval(ASKED), "it is kept until the tab is closed"
        await page.click("#start")
        await page.until(LIVE)
        await revoke(bus, key)
        await page.until(f"{ASKED} && {READY}")
        assert await page.eval("document.querySelector('#notice').dataset.code") == "invalid_api_key"

        other = await given(bus, "acme")
        await page.click("#door-remember")
        await give(page, other)
        await page.until(f"!{ASKED}")
        assert await page.eval("localStorage.getItem('dragoman.key')") == other
        await page.click("#start")
        await page.until(LIVE)
        assert unexpected(page) == []


async def test_start_without_a_key_asks_for_one_and_does_not_try_for_ever(devtools: str, url: str, bus: Bus) -> None:
    async with Browser.opened(devtools) as connected, connected.page() as page:
        await page.goto(url)
        await page.until(KNOWN)
        key = await given(bus, "acme")  # from now on the door is closed

        async def closed() -> bool:
            return (await client.get(url + "/v1/info"))[0] == 401

        await client.eventually(closed)
        await page.click("#start")
        await page.until(f"{ASKED} && {READY}")
        await give(page, key)
        await page.until(f"!{ASKED}")
        await page.click("#start")
        await page.until(LIVE)
        assert unexpected(page) == []


async def enter(page: Page, name: str) -> None:
    await write(page, "#my-name", name)
    await page.choose("#my-language", "en")


async def test_a_guest_comes_in_by_a_link_and_needs_no_key(devtools: str, url: str, key: str) -> None:
    async with Browser.opened(devtools) as connected, connected.page() as host, connected.page() as guest:
        await host.goto(url)
        await give(host, key)
        await host.until(KNOWN)
        await host.click("#lobby-open")
        await enter(host, "Anna")
        await host.click("#create")
        await host.until(LIVE)
        link = await host.eval("location.href")
        assert "&invite=dgt_" in link.split("#")[1]

        await guest.goto(link)
        await guest.until(f"document.querySelector('#lobby').open && {KNOWN}")
        assert not await guest.eval(ASKED)
        await enter(guest, "Bob")
        await guest.click("#listens")
        await guest.click("#join")
        await guest.until(LIVE)
        assert await guest.eval("location.href") == link
        await host.until("document.querySelectorAll('.person').length === 2")
        assert "invite" not in await guest.eval("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")

        await guest.click("#room-leave")
        await guest.until(READY)
        await guest.click("#start")
        await guest.until(f"{ASKED} && {READY}")
        assert unexpected(host) == unexpected(guest) == []
