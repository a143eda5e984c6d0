from __future__ import annotations

import pytest

from tests.page.browser import Page
from tests.page.scripted_server import INFO, ScriptedServer

pytestmark = pytest.mark.browser


async def test_languages_are_those_that_the_fleet_serves(page: Page) -> None:
    sources = await page.eval("Array.from(source.options, (o) => [o.value, o.text])")
    assert sources[0] == ["auto", "Detect language"]
    assert {code for code, _ in sources[1:]} == set(INFO["sources"])
    assert ["fr", "French – français"] in sources
    assert await page.eval("Array.from(target.options, (o) => o.value)") == ["", "en", "de"]
    await page.choose("#source", "es")
    assert await page.eval("Array.from(target.options, (o) => o.value)") == ["", "en"]


@pytest.mark.parametrize(
    ("mode", "targets", "speech"),
    [("original", [], False), ("bilingual", ["en"], False), ("speech", ["en"], True)],
)
async def test_each_mode_asks_for_what_it_shows(
    page: Page, server: ScriptedServer, mode: str, targets: list[str], speech: bool
) -> None:
    await page.click(f"input[value={mode}]")
    await page.choose("#source", "fr")
    await page.click("#start")
    start = (await server.client()).start
    assert (start["source"], start["targets"], start["speech"]) == ("fr", targets, speech)


async def test_no_translation_is_the_original_and_back(page: Page) -> None:
    await page.choose("#target", "")
    assert await page.eval("document.querySelector('input[name=mode]:checked').value") == "original"
    await page.click("input[value=speech]")
    assert await page.eval("target.value") == "en"


async def test_a_change_while_speaking_is_told_to_the_server(page: Page, server: ScriptedServer) -> None:
    await page.click("#start")
    client = await server.session()
    await page.until("document.body.dataset.phase === 'live'")
    await page.choose("#source", "fr")
    await page.choose("#target", "de")
    await client.until(lambda: len(client.said("session.update")) == 2)
    assert client.messages[-1] == {
        "type": "session.update", "source": "fr", "targets": ["de"], "speech": True, "live": ["de"], "between": [],
    }  # fmt: skip


async def test_settings_are_remembered(page: Page, server: ScriptedServer) -> None:
    await page.choose("#source", "fr")
    await page.choose("#target", "de")
    await page.choose("#speed", "1.5")
    await page.click("#mute")
    await page.goto(server.url)
    await page.until("source.options.length > 1")
    assert await page.eval("[source.value, target.value, speed.value, mute.getAttribute('aria-pressed')]") == [
        "fr",
        "de",
        "1.5",
        "true",
    ]


@pytest.mark.parametrize("storage", ["{get() { throw new DOMException('', 'SecurityError') }}", "{value: null}"])
async def test_it_works_where_nothing_can_be_remembered(page: Page, server: ScriptedServer, storage: str) -> None:
    await page.before_load(f"Object.defineProperty(window, 'localStorage', {storage})")
    await page.goto(server.url)
    await page.until("source.options.length > 1")
    await page.choose("#source", "fr")
    await page.click("#start")
    assert (await server.client()).start["source"] == "fr"


async def test_a_fleet_without_nodes_is_told_and_asked_again(page: Page, server: ScriptedServer) -> None:
    server.info = {"sources": [], "targets": {}, "voices": {}}
    await page.goto(server.url)
    await page.until("notice.dataset.code === 'no_node' && !notice.hidden")
    server.info = INFO
    await page.until("notice.hidden && source.options.length > 1")


async def test_a_language_without_a_voice_is_told(page: Page, server: ScriptedServer) -> None:
    await page.click("#start")
    client = await server.session()
    await client.transcribe(1, "Guten Tag.", language="de")
    await client.tell("speech.unavailable", utterance=1, target="de", reason="it is in this language already")
    await client.transcribe(2, "Bonjour.", language="fr")
    await page.until("document.querySelectorAll('.caption').length === 2")
    assert await page.eval("notice.hidden")
    await client.tell("speech.unavailable", utterance=2, target="de", reason="no voice")
    await page.until("notice.dataset.code === 'no_voice' && !notice.hidden")
    await page.click("#notice-close")
    assert await page.eval("notice.hidden")
