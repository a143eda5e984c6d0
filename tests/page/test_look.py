"""What the page looks like, measured: contrast by WCAG 2.1, widths, and the size of what is touched."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.page.browser import Page
from tests.page.scripted_server import ScriptedServer, tone

pytestmark = pytest.mark.browser

CONTRASTS = """
(() => {
    const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
    const light = (c) => { const s = c / 255; return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; };
    const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const element = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || !element.checkVisibility() || element.closest('option, .hidden')) continue;
        const [a, b] = [parse(getComputedStyle(element).color), behind(element)].map(luminance);
        found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walk.currentNode.data.trim().slice(0, 30)]);
    }
    return found.sort((x, y) => x[0] - y[0]);
})()
"""


SCREENS = [(320, 568), (390, 844), (844, 390), (768, 1024), (1200, 800)]


async def conversation(page: Page, server: ScriptedServer) -> None:
    """Every kind of caption at once, one of them being spoken."""
    await page.click("#start")
    client = await server.session()
    await client.transcribe(1, "Bonjour à tous. Aujourd'hui, nous allons parler de traduction automatique.", start=1)
    await client.translate(1, "Hello everyone. Today we are going to talk about machine translation.")
    await client.transcribe(2, "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 2, start=3)
    await client.tell("error", utterance=2, target="en", code="translation_failed", message="x", retryable=True)
    await client.tell("error", utterance=3, code="timed_out", message="x", retryable=True)
    await client.transcribe(4, "Encore une phrase.", start=5)
    await client.tell("transcript.partial", utterance=5, committed="Afin que vous", tentative="puissiez")
    await client.speak(1, tone(6))
    await page.until("document.querySelector('.speaking .now') && document.querySelector('.tentative')")


async def test_all_text_has_contrast(page: Page, server: ScriptedServer) -> None:
    await conversation(page, server)
    for scheme, tone_of_notice in itertools.product(("light", "dark"), ("bad", "wait", "note")):
        await page.prefer(scheme)
        await page.eval(
            f"""{{
                notice.hidden = false;
                notice.dataset.tone = '{tone_of_notice}';
                document.querySelector('#notice-title').textContent = 'Title';
                document.querySelector('#notice-hint').textContent = 'Hint';
            }}"""
        )
        await page.until(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
        await page.eval("document.getAnimations().filter((a) => a instanceof CSSTransition).forEach((a) => a.finish())")
        measured: list[tuple[float, str]] = await page.eval(CONTRASTS)
        assert len(measured) > 20
        assert [(scheme, tone_of_notice, *each) for each in measured if each[0] < 4.5] == []


async def test_dark_is_dark(page: Page) -> None:
    await page.prefer("dark")
    paper: Any = await page.eval("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(paper) < 60


async def test_nothing_is_wider_than_the_screen(page: Page, server: ScriptedServer) -> None:
    await conversation(page, server)
    for width, height in SCREENS:
        await page.resize(width, height)
        await page.until(f"innerWidth === {width} && innerHeight === {height}")
        await fits(page, width)


async def fits(page: Page, width: int) -> None:
    assert await page.eval("document.documentElement.scrollWidth") <= width
    assert await page.eval("scroller.scrollWidth - scroller.clientWidth") <= 0
    outside = await page.eval(
        f"""Array.from(document.querySelectorAll('button, select, input, .caption p'))
            .filter((each) => each.checkVisibility())
            .filter((each) => {{ const b = each.getBoundingClientRect(); return b.left < 0 || b.right > {width}; }})
            .map((each) => each.id || each.textContent)"""
    )
    assert outside == []
    assert (
        await page.eval(
            "document.querySelector('.dock').getBoundingClientRect().top - scroller.getBoundingClientRect().top"
        )
        >= 150
    ), "there is room to read between the controls"


async def test_what_is_touched_is_large_enough(page: Page, server: ScriptedServer) -> None:
    await page.resize(390, 844)
    await conversation(page, server)
    small = await page.eval(
        """Array.from(document.querySelectorAll('button, select, input'))
            .filter((each) => each.checkVisibility())
            .map((each) => [each.id || each.value, each.getBoundingClientRect()])
            .filter(([, box]) => box.height < 44 || box.width < 40)
            .map(([name, box]) => [name, box.width, box.height])"""
    )
    assert small == []
