"""The dashboard in a real browser, before a real fleet."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bench.fleet import Fleet, Shape, running
from tests.ingress import client
from tests.ingress.access.doors import given
from tests.ingress.admin.test_door import bury, dead, job
from tests.page.browser import Browser, Page
from tests.page.test_lobby import write
from tests.page.test_look import CONTRASTS
from tests.waiting import until
from wire import subjects
from wire.kv import Bucket
from wire.records import DrainRecord

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

LIVE = "document.body?.dataset.phase === 'live' && !document.querySelector('#board').hidden"
ASKED = "document.querySelector('#door')?.open"
SHAPE = Shape(schedulers=1, ingresses=1, nodes=2)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(devtools: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    async with running(SHAPE, tmp_path_factory.mktemp("fleet")) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def key(fleet: Fleet) -> str:
    return await given(fleet.bus, "ops", admin=True)


@pytest_asyncio.fixture(loop_scope="module")
async def page(devtools: str, fleet: Fleet, key: str) -> AsyncIterator[Page]:
    """The dashboard, of somebody who has the key."""
    async with opened(devtools, fleet) as board:
        await enter(board, key)
        yield board
        assert unexpected(board) == []


@contextlib.asynccontextmanager
async def opened(devtools: str, fleet: Fleet) -> AsyncIterator[Page]:
    async with Browser.opened(devtools) as connected, connected.page() as board:
        await board.goto(fleet.addresses["ingress-1"] + "/dashboard")
        await board.until(ASKED)
        yield board


async def enter(page: Page, key: str) -> None:
    await page.until(ASKED)
    await write(page, "#door-key", key)
    await page.click("#door-form button")
    await page.until(LIVE)


def unexpected(page: Page) -> list[str]:
    """The browser itself tells of each refusal, and of a server that is away."""
    known = ("401", "403", "409", "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET")
    return [each for each in page.problems if not any(word in each for word in known)]


async def sure(page: Page) -> None:
    await page.until("document.querySelector('#sure').open")
    await page.click("#sure-yes")


async def test_it_asks_for_an_admin_key_and_keeps_it_until_the_tab_is_closed(
    devtools: str, fleet: Fleet, key: str
) -> None:
    common = await given(fleet.bus, "acme")
    async with opened(devtools, fleet) as page:
        assert await page.eval("document.querySelector('#board').hidden")
        await write(page, "#door-key", common)
        await page.click("#door-form button")
        await page.until("document.querySelector('#door-trouble').textContent.includes('admin key')")
        await enter(page, key)
        assert await page.eval("localStorage.length") == 0
        assert key not in await page.eval("location.href + document.documentElement.outerHTML")
        await page.goto(fleet.addresses["ingress-1"] + "/dashboard")
        await page.until(LIVE)
        await page.click("#key-change")
        await page.until(ASKED)
        assert unexpected(page) == []


async def test_it_shows_what_the_fleet_does(page: Page, fleet: Fleet, key: str) -> None:
    async with client.connected(fleet.addresses["ingress-1"], key) as speaker:
        session = (await speaker.start(source="fr", targets=["en"], speech=False))["session"]
        await page.until("document.querySelectorAll('.node').length === 2")
        assert "ready" in await page.text(".node[data-key=node-1]")
        assert await page.eval("document.querySelectorAll('.node[data-key=node-1] .slots i').length") == 2
        await page.until(f"document.querySelector('#sessions tr[data-key={session}]')")
        row = await page.text(f"#sessions tr[data-key={session}]")
        assert "ops" in row
        assert "fr → en" in row
        roles = "Array.from(document.querySelectorAll('#processes tr'), (each) => each.firstChild.textContent)"
        await page.until(f"{roles}.length === 4")
        assert set(await page.eval(roles)) == {"ingress", "node", "scheduler"}
        assert "4" in await page.text("#pools .card")
        await page.until("document.querySelectorAll('.chart .line-0')[4].getAttribute('d').length > 20")
        await write(page, "#search", "nobody")
        await page.eval("document.querySelector('#search').dispatchEvent(new Event('input'))")
        await page.until("document.querySelectorAll('#sessions tr').length === 0")


async def test_a_node_is_drained_by_its_button_and_taken_back(page: Page, fleet: Fleet) -> None:
    button = ".node[data-key=node-2] button"
    await page.click(button)
    await page.until("document.querySelector('#sure').open")
    await page.press("Escape")
    await page.until("!document.querySelector('#sure').open")
    assert await Bucket(fleet.bus, subjects.DRAINS_KV, DrainRecord).get("node-2") is None, "it was only asked"
    await page.click(button)
    await sure(page)

    async def drains(drained: bool) -> bool:
        return (await fleet.nodes())["node-2"].draining is drained

    await until(lambda: drains(True))
    await page.until("document.querySelector('.node[data-key=node-2]').dataset.state === 'drained'")
    await page.until(f"document.querySelector('{button}').textContent === 'Undrain'")
    await page.click(button)
    await sure(page)
    await until(lambda: drains(False))
    await page.until("document.querySelector('.node[data-key=node-2]').dataset.state === 'ready'")


async def test_a_session_is_closed_by_its_button(page: Page, fleet: Fleet, key: str) -> None:
    async with client.connected(fleet.addresses["ingress-1"], key) as speaker:
        session = (await speaker.start(source="fr", targets=["en"], speech=False))["session"]
        await page.click(f"#sessions tr[data-key={session}] button")
        await sure(page)
        closed = await speaker.until("session.closed")
        assert closed["reason"] == "operator"
    await page.until(f"!document.querySelector('#sessions tr[data-key={session}]')")


async def test_a_dead_job_says_why_and_is_discarded(page: Page, fleet: Fleet) -> None:
    id = await bury(fleet.bus, dead(1, kept=True, history=["attempt 1 on n1: <b>crashed</b>"]), job(1))
    row = f"#dead tr[data-key='{id}']"
    await page.until(f'document.querySelector("{row}")')
    assert "crashed" in await page.text(row)
    assert await page.eval("document.querySelectorAll('#dead b').length") == 0
    await page.click(f"{row} .requeue")
    await sure(page)
    await page.until("document.querySelector('#announcer').textContent.includes('no transcript')")
    await page.click(f"{row} .discard")
    await sure(page)
    await page.until(f'!document.querySelector("{row}")')
    assert await fleet.bus.holds(subjects.DEAD) == 0


async def test_all_text_has_contrast_and_every_control_a_name(page: Page, fleet: Fleet) -> None:
    await bury(fleet.bus, dead(2))
    await page.until("document.querySelector('#dead tr')")
    for scheme in ("light", "dark"):
        await page.prefer(scheme)
        await page.until(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
        measured: list[tuple[float, str]] = await page.eval(CONTRASTS)
        assert len(measured) > 60
        assert [(scheme, *each) for each in measured if each[0] < 4.5] == []
    nameless = await page.eval(
        """Array.from(document.querySelectorAll('button, input, [tabindex], dialog, section, [role=img]'))
            .filter((each) => !(each.textContent.trim() || each.labels?.length || each.getAttribute('aria-label')
                || document.getElementById(each.getAttribute('aria-labelledby'))))
            .map((each) => each.outerHTML)"""
    )
    assert nameless == []
    ids: list[str] = await page.eval("Array.from(document.querySelectorAll('[id]'), (each) => each.id)")
    assert len(ids) == len(set(ids))
    levels = await page.eval("Array.from(document.querySelectorAll('main h2, main h3, h1'), (each) => each.tagName)")
    assert levels[0] == "H1"
    assert await page.eval("document.querySelectorAll('table th:not([scope])').length") == 0


@pytest.mark.parametrize(("width", "height"), [(360, 740), (820, 1180), (1200, 800), (3840, 2160)])
async def test_it_fits_a_phone_and_a_wall(page: Page, width: int, height: int) -> None:
    await page.resize(width, height)
    await page.until(f"innerWidth === {width}")
    assert await page.eval("document.documentElement.scrollWidth") <= width
    small: Any = await page.eval(
        """Array.from(document.querySelectorAll('button, input'))
            .filter((each) => each.checkVisibility())
            .map((each) => [each.id || each.textContent, each.getBoundingClientRect()])
            .filter(([, box]) => box.height < 44 || box.width < 40)
            .map(([name, box]) => [name, box.width, box.height])"""
    )
    assert small == []


async def test_it_says_when_the_connection_is_lost_and_comes_back_by_itself(page: Page, fleet: Fleet) -> None:
    ingress = fleet["ingress-1"]
    await ingress.stop()
    await page.until("document.querySelector('#status').textContent.includes('lost')")
    await ingress.start()
    await page.until(LIVE, patience=40)
    await page.until("document.querySelector('#status').textContent === 'live'")


async def test_it_is_used_with_the_keyboard(page: Page) -> None:
    await page.eval("document.querySelector('.node[data-key=node-1] button').focus()")
    await page.press("Enter")
    await page.until("document.querySelector('#sure').open")
    assert await page.eval("document.activeElement.value") == "no", "nothing is done by a second Enter"
    await page.press("Enter")
    await page.until("!document.querySelector('#sure').open")
    assert await page.eval("document.activeElement.textContent") == "Drain"
