from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.page.browser import Page
from tests.page.scripted_server import Client, ScriptedServer, tone

pytestmark = pytest.mark.browser


async def started(page: Page, server: ScriptedServer) -> Client:
    await page.click("#start")
    client = await server.session()
    for utterance, text in ((1, "One. And more of one."), (2, "Two."), (3, "Three.")):
        await client.transcribe(utterance, text, language="fr", start=utterance)
        await client.translate(utterance, text)
    return client


def order(client: Client) -> list[tuple[str, int]]:
    """What the page says of its playback; `playing` may be said again when more is known."""
    told: list[tuple[str, int]] = []
    for each in client.messages:
        step = (each["type"].removeprefix("speech."), each["utterance"])
        if step not in told:
            told.append(step)
    return told


async def pieces(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await page.eval("played")
    return found


async def test_speech_plays_in_order_without_overlap_or_gap(page: Page, server: ScriptedServer) -> None:
    client = await started(page, server)
    await client.speak(1, tone(0.7), frames=5)
    await client.speak(2, tone(0.3, 300))
    await client.speak(3, tone(0.4, 400, rate=16_000), rate=16_000)
    await page.until("loudness() > 0.2")
    await client.until(lambda: ("played", 3) in order(client))
    assert order(client) == [
        ("playing", 1), ("played", 1), ("playing", 2), ("played", 2), ("playing", 3), ("played", 3),
    ]  # fmt: skip
    said = client.said("speech.playing")
    assert max(each["seconds"] for each in said if each["utterance"] == 1) == pytest.approx(0.7, abs=0.15)
    assert {each["target"] for each in said} == {"en"}

    scheduled = await pieces(page)
    starts = [each["from"] for each in scheduled]
    assert starts == sorted(starts)
    gaps = [b["from"] - a["to"] for a, b in itertools.pairwise(scheduled)]
    assert min(gaps) > -1e-6, "nothing overlaps"
    assert sum(gap > 1e-6 for gap in gaps) == 2, "only between utterances is there a pause"
    assert sum(each["to"] - each["from"] for each in scheduled) == pytest.approx(1.4, abs=0.01)
    late = max(each["now"] - each["from"] for each in scheduled)
    assert late < 0.1, "nothing was scheduled too late, but for what a busy machine takes"


async def test_speech_that_comes_in_the_wrong_order_is_put_right(page: Page, server: ScriptedServer) -> None:
    client = await started(page, server)
    await client.speak(1, tone(0.8))
    await client.speak(3, tone(0.2))
    await client.speak(2, tone(0.2))
    await client.until(lambda: ("played", 3) in order(client))
    assert [utterance for step, utterance in order(client) if step == "played"] == [1, 2, 3]


async def test_speech_plays_while_more_of_it_is_being_made(page: Page, server: ScriptedServer) -> None:
    client = await started(page, server)
    await client.tell("speech.started", utterance=1, target="en", sample_rate=22_050)
    await client.frame(1, 0, tone(0.4))
    await client.until(lambda: ("playing", 1) in order(client))
    await page.until("document.querySelector('.caption.speaking')")
    await client.frame(1, 1, tone(0.4))
    await client.tell("speech.ended", utterance=1, target="en", seconds=0.8, chunks=2)
    await client.until(lambda: ("played", 1) in order(client))
    assert sum(each["to"] - each["from"] for each in await pieces(page)) == pytest.approx(0.8, abs=0.01)


async def test_the_sentence_being_spoken_is_marked(page: Page, server: ScriptedServer) -> None:
    client = await started(page, server)
    await client.speak(1, tone(1.5))
    await page.until("document.querySelector('.speaking .sentence.now')?.textContent === 'One.'")
    assert await page.eval("document.querySelector('[aria-current=true]').dataset.key") == "1.1"
    await page.until("document.querySelector('.speaking .sentence.now')?.textContent === 'And more of one.'")
    await page.until("!document.querySelector('.speaking')")


async def test_speed_keeps_every_word_and_takes_less_time(page: Page, server: ScriptedServer) -> None:
    await page.choose("#speed", "2")
    client = await started(page, server)
    await client.speak(1, tone(1.6))
    await client.until(lambda: ("played", 1) in order(client))
    scheduled = await pieces(page)
    assert sum(each["to"] - each["from"] for each in scheduled) == pytest.approx(0.8, abs=0.05)
    assert max(each["seconds"] for each in client.said("speech.playing")) == pytest.approx(0.8, abs=0.15)


async def test_muted_speech_is_silent_and_takes_its_time(page: Page, server: ScriptedServer) -> None:
    client = await started(page, server)
    await page.click("#mute")
    assert await page.eval("mute.getAttribute('aria-pressed')") == "true"
    await client.speak(1, tone(0.6))
    await client.until(lambda: ("playing", 1) in order(client))
    await page.until("played.length > 0 && loudness() < 0.01")
    await client.until(lambda: ("played", 1) in order(client))
    await page.click("#mute")
    await client.speak(2, tone(0.6))
    await page.until("loudness() > 0.2")


async def test_skip_goes_to_the_next_sentence_and_drops_the_rest(page: Page, server: ScriptedServer) -> None:
    client = await started(page, server)
    await client.tell("speech.started", utterance=1, target="en", sample_rate=22_050)
    await client.frame(1, 0, tone(3))
    await client.until(lambda: ("playing", 1) in order(client))
    await page.click("#skip")
    await client.until(lambda: ("played", 1) in order(client))
    await client.frame(1, 1, tone(3))
    await client.tell("speech.ended", utterance=1, target="en", seconds=6, chunks=2)
    await client.speak(2, tone(0.2))
    await client.until(lambda: ("played", 2) in order(client))
    assert [step for step in order(client) if step[1] == 1] == [("playing", 1), ("played", 1)]


async def test_speech_that_failed_half_way_does_not_hold_up_the_next(page: Page, server: ScriptedServer) -> None:
    client = await started(page, server)
    await client.tell("speech.started", utterance=1, target="en", sample_rate=22_050)
    await client.frame(1, 0, tone(0.3))
    await client.tell("error", utterance=1, target="en", code="speech_failed", message="x", retryable=True)
    await client.speak(2, tone(0.2))
    await client.until(lambda: ("played", 2) in order(client))
    assert await page.text(".caption .translation") == "One. And more of one. (could not be spoken)"


async def test_speech_goes_on_after_the_session_has_ended(page: Page, server: ScriptedServer) -> None:
    client = await started(page, server)
    await client.speak(1, tone(1.2))
    await page.click("#start")
    await client.until(lambda: client.said("session.close"))
    await client.finish(3)
    await page.until("document.body.dataset.phase === 'ready'")
    await page.until("document.querySelector('.caption.speaking')")
    await page.until("!document.querySelector('.caption.speaking')")
    assert sum(each["to"] - each["from"] for each in await pieces(page)) == pytest.approx(1.2, abs=0.01)


async def test_captions_only_plays_nothing(page: Page, server: ScriptedServer) -> None:
    await page.click("input[value=bilingual]")
    client = await started(page, server)
    assert client.start["speech"] is False
    assert await page.eval("document.querySelector('#speech').hidden")
    await client.speak(1, tone(0.2))
    await client.tell("transcript.partial", utterance=4, committed="x", tentative="")
    await page.until("document.querySelector('.caption.partial')")
    assert await pieces(page) == []
