"""A browser for all page tests, a fresh page and a scripted server for each. Without Chromium they skip and say so."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from tests.page import browser, scripted_server

RATE = 48_000

LISTEN = """
// What the page plays, as the sound card would get it: each scheduled piece, and an analyser before the loudspeaker.
window.played = [];
window.heard = 0; // the loudest that came out so far
window.spoken = new Set(); // the captions that were marked as being spoken
window.recorded = []; // the samples that the microphone gave
window.hasten = 1; // each chunk of the microphone comes so many times
setInterval(() => {
  for (const row of document.querySelectorAll('.speaking')) window.spoken.add(row.dataset.key);
}, 20);
window.AudioWorkletNode = class extends AudioWorkletNode {
  constructor(...given) {
    super(...given);
    this.port.addEventListener('message', ({ data }) => window.recorded.push(...data.pcm));
    const { set } = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage');
    Object.defineProperty(this.port, 'onmessage', {
      set(listener) {
        set.call(this, listener && ((event) => { for (let i = 0; i < window.hasten; i++) listener(event); }));
      },
    });
  }
};
{
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (when) {
  const samples = this.buffer.getChannelData(0);
  let loudest = 0;
  for (const sample of samples) loudest = Math.max(loudest, Math.abs(sample));
  window.played.push({ from: when, to: when + this.buffer.duration, loudest, now: this.context.currentTime });
  return start.call(this, when);
};
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to === this.context.destination) {
    window.ear = this.context.createAnalyser();
    connect.call(this, window.ear);
    setInterval(() => (window.heard = Math.max(window.heard, window.loudness())), 20);
  }
  return connect.call(this, to, ...rest);
};
}
window.loudness = () => {
  if (window.ear === undefined) return 0;
  const samples = new Float32Array(window.ear.fftSize);
  window.ear.getFloatTimeDomainData(samples);
  return Math.max(...samples.map(Math.abs));
};
"""


def babble(seconds: float) -> bytes:
    """PCM16 at 48 kHz that a microphone's noise suppression takes for a voice: a buzz whose pitch and loudness move,
    through two resonances, with pauses between the syllables."""
    times = np.arange(round(seconds * RATE)) / RATE
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.7 * times) + 8 * np.sin(2 * np.pi * 3.1 * times)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = np.zeros_like(times)
    for harmonic in range(1, 25):
        at = harmonic * 120
        loud = np.exp(-(((at - 600) / 350) ** 2)) + 0.5 * np.exp(-(((at - 1500) / 450) ** 2)) + 0.03
        voice += loud * np.sin(harmonic * phase)
    syllables = np.clip(np.sin(2 * np.pi * 3.3 * times) + 0.3, 0, 1)
    shaped = voice * syllables
    pcm: bytes = (shaped / np.abs(shaped).max() * 14_000).astype("<i2").tobytes()
    return pcm


@pytest.fixture(scope="session")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the browser's microphone hears: a minute of babble."""
    path = tmp_path_factory.mktemp("microphone") / "babble.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(babble(60))
    return path


@pytest.fixture(scope="session")
def devtools(microphone: Path) -> Iterator[str]:
    if browser.find() is None:
        pytest.skip("no Chromium on this host: the page is not tested (apt-get install chromium)")
    with browser.launched(microphone) as address:
        yield address


@pytest.fixture(scope="session")
def tab(devtools: str) -> browser.Tab:
    """For all tests, one after another: each has a server of its own, and thereby an origin that remembers nothing."""

    async def made() -> browser.Tab:
        async with browser.Browser.opened(devtools) as connected:
            return await connected.tab()

    return asyncio.run(made())


@pytest.fixture
async def server() -> AsyncIterator[scripted_server.ScriptedServer]:
    async with scripted_server.running() as running:
        yield running


@pytest.fixture
async def page(devtools: str, tab: browser.Tab, server: scripted_server.ScriptedServer) -> AsyncIterator[browser.Page]:
    """The page, loaded. At the end nothing may have gone wrong in it that the test did not expect."""
    async with browser.Browser.opened(devtools) as connected, connected.using(tab) as opened:
        await opened.before_load(LISTEN)
        await opened.goto(server.url)
        await opened.until("document.querySelector('#source').options.length > 1")
        yield opened
        assert opened.problems == []


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def modules(devtools: str) -> AsyncIterator[browser.Page]:
    """A document that is not the page, in which its PURE modules can be imported and asked: one for all tests of a
    module, as they leave nothing behind."""
    async with (
        scripted_server.running() as server,
        browser.Browser.opened(devtools) as connected,
        connected.page() as opened,
    ):
        await opened.goto(f"{server.url}/blank")
        yield opened
        assert opened.problems == []
