"""Files of the page's session, fetched from the server."""

from __future__ import annotations

import pytest

from tests.page.browser import Page
from tests.page.scripted_server import ScriptedServer

pytestmark = pytest.mark.browser

WATCH = """{
    window.blobs = [];
    const create = URL.createObjectURL;
    URL.createObjectURL = (blob) => { window.blobs.push(blob); return create(blob); };
    HTMLAnchorElement.prototype.click = function () { window.savedAs = this.download; };
    window.pick = (value) => { files.value = value; files.dispatchEvent(new Event('change')); };
}"""


async def test_files_of_a_session_are_fetched_in_either_language(page: Page, server: ScriptedServer) -> None:
    server.transcripts = {"format=txt": "Bonjour.\n", "format=srt&language=en": "1\n00:00 --> 00:01\nHello.\n"}
    assert await page.eval("files.hidden")
    await page.eval(WATCH)
    await page.click("#start")
    client = await server.session()
    await client.transcribe(1, "Bonjour.")
    await page.until("!files.hidden")
    await page.eval("pick('txt')")
    await page.until("window.savedAs === 'dragoman.txt'")
    assert await page.eval("blobs[0].text()") == "Bonjour.\n"
    await page.eval("pick('srt en')")
    await page.until("window.savedAs === 'dragoman.en.srt'")
    assert "Hello." in await page.eval("blobs[1].text()")
    assert await page.eval("files.value") == ""
    await page.eval("pick('vtt')")
    await page.until("notice.dataset.code === 'not_kept' && !notice.hidden")
    page.problems.clear()  # the browser notes each 404
