"""Two people in a room, each before a browser of their own, with real models between them; a third comes late."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from node_runtime.engines.translate import Translation
from tests.page import browser
from tests.page.browser import Browser, Page
from tests.page.conftest import LISTEN
from tests.page.test_lobby import write
from tests.system import stack
from tests.system.stack import Stack, words
from tests.system.test_page import as_microphone
from tests.tiny_m2m import MODEL

pytestmark = [
    pytest.mark.browser,
    pytest.mark.models,
    pytest.mark.timeout(240),
    pytest.mark.skipif(browser.find() is None, reason="no Chromium on this host (apt-get install chromium)"),
]

PATIENCE_S = 60
COMING_S = 4.0
"""Of silence, in which the other comes in."""


@pytest.fixture(scope="module")
def translating(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The embedded default, and a translation model that knows a phrase book in both directions."""
    with stack.up(tmp_path_factory.mktemp("rooms"), DRAGOMAN_NMT_MODELS=str(MODEL)) as started:
        yield started


@contextlib.asynccontextmanager
async def person(
    running: Stack, code: str, name: str, language: str, microphone: Path | None = None
) -> AsyncIterator[Page]:
    """In the room, before a browser that has this microphone, or none."""
    with browser.launched(microphone) as address:
        async with Browser.opened(address) as connected, connected.page() as page:
            await page.before_load(LISTEN)
            await page.goto(f"{running.http}/#room={code}")
            await page.until("document.querySelector('#lobby').open")
            await write(page, "#my-name", name)
            await page.choose("#my-source", language)
            await page.choose("#my-language", language)
            if microphone is None:
                await page.click("#listens")
            await page.click("#join")
            await page.until("document.body.dataset.phase === 'live'", PATIENCE_S)
            yield page
            assert page.problems == []


async def read(page: Page, part: str) -> list[str]:
    """What stands there of what others said."""
    found: list[str] = await page.eval(
        f"Array.from(document.querySelectorAll('.caption.other .{part}'), (each) => each.textContent.trim())"
    )
    return found


async def test_two_people_read_and_hear_each_other_and_a_third_comes_late(
    translating: Stack, recordings: Path, tmp_path: Path
) -> None:
    translating.until_ready()
    async with aiohttp.ClientSession() as http, http.post(f"{translating.http}/v1/rooms") as answer:
        code = (await answer.json())["room"]
    french = as_microphone(recordings / "fr_intro.mp3", tmp_path / "fr.wav", COMING_S, 1.9)  # its first sentence
    english = as_microphone(recordings / "lr_en.wav", tmp_path / "en.wav", COMING_S)
    async with (
        person(translating, code, "Anna", "fr", french) as anna,
        person(translating, code, "Bob", "en", english) as bob,
    ):
        await anna.until("document.querySelectorAll('.person').length === 2")
        model = Translation(MODEL, "cpu", 1, 1)
        translated: dict[Page, str] = {}
        for page, said, source, target in (
            (bob, "bonjour à tous", "fr", "en"),
            (anna, "turn on the living room light", "en", "fr"),
        ):
            await page.until("document.querySelector('.caption.other.final .sentence')", PATIENCE_S)
            (original,) = await read(page, "original")
            assert words(original) == said
            assert await read(page, "translation") == [model.translate(original, source, target)]
            translated[page] = (await read(page, "translation"))[0]
        assert words(translated[anna]) == "allume la lumière du salon"
        assert await bob.text(".caption.other .who") == "Anna"
        assert await bob.text(".caption.self .original") != ""
        await bob.until("spoken.size === 1 && !document.querySelector('.speaking')", PATIENCE_S)
        assert await bob.eval("heard") > 0.05, "the packaged voice speaks English"
        assert await anna.eval("played.length") == 0, "nobody hears themselves, and nothing here speaks French"

        async with person(translating, code, "Carl", "en") as carl:
            await carl.until("document.querySelectorAll('.caption.other.final').length === 2", PATIENCE_S)
            assert await read(carl, "translation") == [translated[bob]]
            assert "turn on the living room light" in [words(each) for each in await read(carl, "original")]
            assert await carl.eval("played.length") == 0, "what was said before is read, not heard"
            await bob.until("document.querySelectorAll('.person').length === 3")
            assert await bob.text(".person:last-child") == "Carl\nEnglish, listens"
