from __future__ import annotations

import numpy as np
import pytest

from tests.page.browser import Page
from tests.page.scripted_server import ScriptedServer

pytestmark = pytest.mark.browser


FAILURES = {
    "NotFoundError": "microphone_missing",
    "NotReadableError": "microphone_busy",
    "NotAllowedError": "microphone_denied",
}


def failing(name: str) -> str:
    """A browser whose microphone fails so. These errors are the ones that the Media Capture standard names."""
    return f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{name}') }};"


async def test_the_microphone_arrives_as_pcm16_in_numbered_chunks(page: Page, server: ScriptedServer) -> None:
    await page.click("#start")
    client = await server.session()
    await client.until(lambda: client.seconds > 1.5)
    assert client.start["sample_rate"] == 16_000
    sizes = len(client.audio) / 2 / client.next_chunk / 16_000
    assert 0.05 <= sizes <= 0.1, "seconds a chunk"
    samples = client.samples().astype(float)[8_000:]
    assert samples.std() > 500, "it is not silence"
    spectrum = np.abs(np.fft.rfft(samples))
    frequencies = np.fft.rfftfreq(len(samples), 1 / 16_000)
    voice = spectrum[(frequencies > 80) & (frequencies < 2_500)]
    assert (voice**2).sum() > 0.8 * (spectrum**2).sum(), "it is the recording and no noise"
    await page.until("Number(meter.getAttribute('aria-valuenow')) > 30")


async def test_a_flush_gives_out_the_beginning_of_a_chunk(page: Page) -> None:
    sizes = await page.ask(
        "microphone",
        """
        const sizes = [];
        let second;
        const heard = new Promise((resolve) => (second = resolve));
        const onChunk = (pcm) => { if (sizes.push(pcm.length) === 2) second(); };
        const opened = await microphone.open({onChunk, onLevel() {}, onLost() {}});
        await heard;
        for (let tries = 0; tries < 500 && sizes.at(-1) === 1280; tries++) await opened.flush();
        opened.close();
        opened.close();
        return sizes;
        """,
    )
    assert sizes[:2] == [1280, 1280]
    assert any(size < 1280 for size in sizes)


async def test_it_is_asked_for_with_echo_cancellation(page: Page, server: ScriptedServer) -> None:
    await page.eval(
        """{
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = (wanted) => { window.wanted = wanted; return ask(wanted); };
        }"""
    )
    await page.click("#start")
    await server.session()
    assert await page.eval("wanted.audio") == {
        "echoCancellation": True,
        "noiseSuppression": True,
        "autoGainControl": True,
        "channelCount": 1,
    }


async def test_a_microphone_that_no_16_khz_context_takes_is_sent_at_its_own_rate(
    page: Page, server: ScriptedServer
) -> None:
    """As Firefox does it; here on a device of 96 kHz, which is more than the protocol takes."""
    await page.eval(
        """{
            const Context = AudioContext;
            window.AudioContext = class extends Context {
                constructor(options) {
                    super(options?.sampleRate ? options : { sampleRate: 96000 });
                    this.asked = options;
                }
                createMediaStreamSource(stream) {
                    if (this.asked?.sampleRate) throw new DOMException('', 'NotSupportedError');
                    return super.createMediaStreamSource(stream);
                }
            };
        }"""
    )
    await page.click("#start")
    client = await server.session()
    assert client.start["sample_rate"] == 48_000
    await client.until(lambda: client.seconds > 1)
    assert client.samples().astype(float).std() > 300


async def test_each_failure_has_its_words(page: Page) -> None:
    for error, code in FAILURES.items():
        await page.eval(failing(error))
        await page.click("#start")
        await page.until(f"notice.dataset.code === '{code}' && !notice.hidden")
        assert await page.text("#status-text") == "Ready"
        assert await page.text("#start") == "Start"


async def test_permission_denied_by_the_reader(page: Page, server: ScriptedServer) -> None:
    await page.permit_microphone("denied")
    await page.click("#start")
    await page.until("notice.dataset.code === 'microphone_denied' && !notice.hidden")
    assert "blocked" in await page.text("#notice-title")
    await page.permit_microphone("granted")
    await page.click("#start")
    await server.session()
    await page.until("notice.hidden && document.body.dataset.phase === 'live'")


async def test_an_insecure_address_is_told_before_anybody_presses_start(page: Page, server: ScriptedServer) -> None:
    await page.before_load("Object.defineProperty(window, 'isSecureContext', {value: false})")
    await page.goto(server.url)
    await page.until("notice.dataset.code === 'insecure_context' && !notice.hidden")
    await page.click("#start")
    await page.until("document.body.dataset.phase === 'ready' && !notice.hidden")


async def test_a_microphone_that_is_unplugged_ends_the_session_in_good_order(
    page: Page, server: ScriptedServer
) -> None:
    await page.eval(
        """{
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async (wanted) => (window.stream = await ask(wanted));
        }"""
    )
    await page.click("#start")
    client = await server.session()
    await client.until(lambda: client.seconds > 0.3)
    await page.eval("stream.getAudioTracks()[0].dispatchEvent(new Event('ended'))")
    await client.until(lambda: client.said("session.close"))
    await page.until("notice.dataset.code === 'microphone_lost'")
    await client.finish()
    await page.until("document.body.dataset.phase === 'ready'")
