from __future__ import annotations

from typing import Any

import pytest

from tests.page.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MARK = """
    const mark = new bookmark.Bookmark({type: "session.started", n: 1, session: "s1", token: "secret"});
    const event = (n, type, utterance, target = "en") => mark.read({type, n, utterance, target});
    const frame = (utterance, sequence, target = "en") => mark.hear({utterance, sequence, target});
    event(1, "session.started");
"""


async def heard(page: Page, script: str) -> Any:
    return await page.ask("bookmark", MARK + script + "return mark.place.heard")


async def test_it_says_where_the_page_is(modules: Page) -> None:
    script = MARK + "event(2, 'transcript.final', 1); mark.read({type: 'audio.ack', chunk: 7}); return mark.place"
    assert await modules.ask("bookmark", script) == {"session": "s1", "token": "secret", "n": 2, "heard": []}


async def test_an_event_is_read_once(modules: Page) -> None:
    script = MARK + "return [1, 2, 2, 1, 3].map((n) => event(n, 'transcript.final', n))"
    assert await modules.ask("bookmark", script) == [False, True, False, False, True]


async def test_what_is_live_is_always_news(modules: Page) -> None:
    script = MARK + "const ack = {type: 'audio.ack', chunk: 1}; return [mark.read(ack), mark.read(ack)]"
    assert await modules.ask("bookmark", script) == [True, True]


async def test_speech_that_has_begun_is_counted_by_its_frames(modules: Page) -> None:
    begun = "event(2, 'speech.started', 1); event(3, 'speech.started', 1, 'de');"
    assert await heard(modules, begun + "frame(1, 0); frame(1, 1); frame(1, 1); frame(1, 2); frame(1, 4);") == [
        {"utterance": 1, "target": "en", "chunks": 3},
        {"utterance": 1, "target": "de", "chunks": 0},
    ]


@pytest.mark.parametrize("end", ["speech.ended", "error"])
async def test_speech_that_is_over_is_not_asked_for(modules: Page, end: str) -> None:
    assert await heard(modules, f"event(2, 'speech.started', 1); frame(1, 0); event(3, '{end}', 1);") == []
