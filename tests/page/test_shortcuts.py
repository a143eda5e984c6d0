from __future__ import annotations

import pytest

from tests.page.browser import Page
from tests.page.scripted_server import ScriptedServer

pytestmark = pytest.mark.browser


async def test_everything_can_be_done_with_keys(page: Page, server: ScriptedServer) -> None:
    await page.press("s")
    client = await server.session()
    await page.until("document.body.dataset.phase === 'live'")
    await page.press("e")
    await client.until(lambda: client.said("utterance.finalize"))
    await page.press("m")
    assert await page.eval("mute.getAttribute('aria-pressed')") == "true"
    await page.press(">")
    await page.press(">")
    await page.press("<")
    assert await page.eval("speed.value") == "1.25"
    await page.press("s")
    await client.until(lambda: client.said("session.close"))


async def test_tab_reaches_every_control_and_the_focus_is_seen(page: Page) -> None:
    reached: list[str] = []
    for _ in range(14):
        await page.press("Tab")
        name, outline = await page.eval(
            """(() => {
                const at = document.activeElement;
                const drawn = at.type === 'radio' ? at.nextElementSibling : at;
                return [at.id || at.name || at.tagName, parseFloat(getComputedStyle(drawn).outlineWidth)];
            })()"""
        )
        if name == "BODY":
            break
        assert outline >= 2, f"{name} shows no focus"
        reached.append(name)
    assert reached == [
        "lobby-open", "help-open", "source", "between", "target", "mode", "scroller", "start", "mute", "volume",
        "speed", "skip",
    ]  # fmt: skip


async def test_enter_presses_what_has_the_focus_and_no_shortcut(page: Page, server: ScriptedServer) -> None:
    await page.eval("start.focus()")
    await page.press("Enter")
    await server.session()
    await page.until("document.body.dataset.phase === 'live'")


async def test_keys_rest_in_lists_in_the_help_and_when_switched_off(page: Page) -> None:
    muted = "mute.getAttribute('aria-pressed')"
    await page.eval("source.focus()")
    await page.press("m")
    assert await page.eval(muted) == "false"
    await page.eval("source.blur()")

    await page.press("?")
    await page.until("help.open")
    await page.press("m")
    assert await page.eval(muted) == "false"
    await page.click("#shortcuts-on")
    await page.press("Escape")
    await page.until("!help.open")
    await page.press("m")
    assert await page.eval(muted) == "false"

    await page.click("#help-open")
    await page.click("#shortcuts-on")
    await page.press("Escape")
    await page.until("!help.open")
    await page.press("m")
    assert await page.eval(muted) == "true"


async def test_every_control_has_a_name(page: Page) -> None:
    tree = (await page.call("Accessibility.getFullAXTree"))["nodes"]
    controls = {"button", "combobox", "slider", "radio", "checkbox", "meter", "radiogroup", "region", "group"}
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node.get("ignored") and node["role"]["value"] in controls and not node.get("name", {}).get("value")
    ]
    assert nameless == []
