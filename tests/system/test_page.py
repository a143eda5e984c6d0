"""The page against all of Dragoman: a recording as the microphone, real Whisper, real Piper, real NATS."""

from __future__ import annotations

import contextlib
import wave
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import av
import jiwer
import pytest

from tests.page import browser
from tests.page.browser import Browser, Page
from tests.page.conftest import LISTEN, RATE
from tests.system.conftest import SAID
from tests.system.stack import Stack, words
from tests.system.test_speech import FRENCH

pytestmark = [
    pytest.mark.browser,
    pytest.mark.models,
    pytest.mark.skipif(browser.find() is None, reason="no Chromium on this host (apt-get install chromium)"),
]

PATIENCE_S = 60

CUT = """
// Hands on the page's connection, and an ear on what it is told.
window.opened = [];
window.told = [];
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    window.opened.push(this);
    this.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') window.told.push(JSON.parse(data));
    });
  }
};
"""


def as_microphone(recording: Path, path: Path, before: float = 0, length: float = 600) -> Path:
    """A WAV file for the browser: so long a silence, then so much of the recording (seconds). It goes on in silence, as
    a room does: at the end of the file the microphone ends."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(recording)) as source, wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        pcm = b"".join(
            resampled.to_ndarray().tobytes()
            for frame in source.decode(audio=0)
            for resampled in resampler.resample(frame)
        )
        file.writeframes(bytes(2 * round(before * RATE)))
        file.writeframes(pcm[: 2 * round(length * RATE)])
        file.writeframes(bytes(2 * 4 * RATE))
    return path


@contextlib.asynccontextmanager
async def listening(
    running: Stack, recording: Path, directory: Path, source: str, script: str = ""
) -> AsyncIterator[Page]:
    """The page, into which this recording is being said; at the end it is stopped and everything has been spoken."""
    running.until_ready()
    with browser.launched(as_microphone(recording, directory / "microphone.wav")) as address:
        async with Browser.opened(address) as connected, connected.page() as page:
            await page.before_load(LISTEN + script)
            await page.goto(running.http)
            await page.choose("#source", source)
            await page.choose("#target", "en")
            await page.click("#start")
            yield page
            await page.click("#start")
            await page.until("document.body.dataset.phase === 'ready'", PATIENCE_S)
            await page.until("!document.querySelector('.awaited')")
            assert await page.eval("notice.hidden")
            assert page.problems == []


async def column(page: Page, name: str) -> str:
    found: list[str] = await page.eval(f"Array.from(document.querySelectorAll('.{name}'), (each) => each.textContent)")
    return words(" ".join(found))


async def all_spoken(page: Page) -> None:
    """Every caption was spoken, one after another, and it could be heard."""
    await page.until("spoken.size === captions.childElementCount && !document.querySelector('.speaking')", PATIENCE_S)
    played = await page.eval("played")
    assert all(earlier["to"] <= later["from"] + 1e-6 for earlier, later in pairwise(played))
    assert await page.eval("heard") > 0.05


async def test_speech_is_translated_and_heard(running: Stack, spoken: Path, tmp_path: Path) -> None:
    """The packaged voice speaks English only. Said to be French, it is translated into English all the same, and the
    speech that comes is of this text: with nothing but packages it shows the whole path to the loudspeaker."""
    async with listening(running, spoken, tmp_path, "fr") as page:
        await page.until(f"document.querySelectorAll('.sentence').length >= {len(SAID)}", PATIENCE_S)
        await all_spoken(page)
        assert jiwer.wer(words(" ".join(SAID)), await column(page, "translation")) <= 0.1


async def test_french_is_read_in_two_languages_and_heard_in_english(
    running: Stack, recordings: Path, tmp_path: Path
) -> None:
    async with listening(running, recordings / "fr_intro.mp3", tmp_path, "auto") as page:
        await page.until("captions.innerText.match(/interlocut.*interlocut/s)", PATIENCE_S)
        await all_spoken(page)
        assert jiwer.wer(words(FRENCH), await column(page, "original")) <= 0.2
        for expected in ("hello", "today", "voice", "french", "natural flow"):
            assert expected in await column(page, "translation")
        assert await page.text("#head-source") == "French"


async def test_a_connection_that_breaks_costs_no_word(running: Stack, spoken: Path, tmp_path: Path) -> None:
    """The way is cut twice, in the middle of the first sentence: the page comes back to its session."""
    async with listening(running, spoken, tmp_path, "fr", CUT) as page:
        for _ in range(2):
            await page.until("recorded.length > 16000 * (1 + opened.length)", PATIENCE_S)
            await page.eval("opened.at(-1).close()")
            await page.until("document.querySelector('#status-text').textContent === 'Reconnecting…'")
            await page.until("document.body.dataset.phase === 'live'")
        await page.until(f"document.querySelectorAll('.sentence').length >= {len(SAID)}", PATIENCE_S)
        await all_spoken(page)
        assert jiwer.wer(words(" ".join(SAID)), await column(page, "translation")) <= 0.1
        assert await page.eval("told.filter((event) => event.type === 'session.started').length") == 1
        numbers = [event["n"] for event in await page.eval("told") if event.get("n")]
        assert numbers == list(range(1, len(numbers) + 1))
