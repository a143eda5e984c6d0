"""The page where there is no room for it yet."""

from __future__ import annotations

import pytest

from tests.page.browser import Page
from tests.page.scripted_server import ScriptedServer
from tests.waiting import beats

pytestmark = pytest.mark.browser


async def test_it_says_its_place_and_listens_when_it_is_let_in(page: Page, server: ScriptedServer) -> None:
    await page.click("#start")
    client = await server.client()
    await client.tell("queue.status", position=3, ahead=2, eta_s=21.4)
    await page.until("document.querySelector('#notice-title').textContent === 'You are number 3 in line, about 20 s'")
    assert await page.eval("[notice.dataset.tone, notice.getAttribute('role'), notice.hidden]") == [
        "wait", "status", False,
    ]  # fmt: skip
    await client.tell("queue.status", position=1, ahead=0)
    await page.until("document.querySelector('#notice-title').textContent === 'You are number 1 in line'")
    async for _ in beats(0.7):
        break
    assert client.seconds == 0
    await client.open()
    await page.until("notice.hidden && document.body.dataset.phase === 'live'")
    await client.until(lambda: client.seconds > 0.3)
    assert client.seconds < 1.0, "what was said in line is for nobody"


async def test_who_leaves_the_line_is_gone(page: Page, server: ScriptedServer) -> None:
    await page.click("#start")
    client = await server.client()
    await client.tell("queue.status", position=2, ahead=1)
    await page.until("!notice.hidden")
    await page.click("#start")
    await client.over.wait()
    await page.until("document.body.dataset.phase === 'ready' && notice.hidden")


async def test_where_the_line_is_full_it_says_when_it_tries_again(page: Page, server: ScriptedServer) -> None:
    server.retry_after = 2
    await page.click("#start")
    await page.until("notice.dataset.code === 'postponed' && !notice.hidden")
    assert await page.text("#notice-hint") == "Trying again in a few seconds, by itself."
    server.retry_after = 0
    client = await server.session()
    await page.until("notice.hidden && document.body.dataset.phase === 'live'")
    await client.until(lambda: client.seconds > 0.3)
    page.problems.clear()  # the browser says on its console that the server refused


async def test_who_comes_back_says_so(page: Page, server: ScriptedServer) -> None:
    await page.click("#start")
    client = await server.session()
    await client.until(lambda: client.seconds > 0.3)
    server.retry_after = 60
    await client.drop()
    await server.returned()
    await page.until("document.body.dataset.phase === 'live' && notice.hidden")
