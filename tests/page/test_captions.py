from __future__ import annotations

import pytest

from tests.page.browser import Page
from tests.page.scripted_server import ScriptedServer

pytestmark = pytest.mark.browser

MANY = 40


async def test_partial_final_and_translation_are_told_apart(page: Page, server: ScriptedServer) -> None:
    await page.click("#start")
    client = await server.session()
    await client.tell("transcript.partial", utterance=1, committed="Bonjour à", tentative="tout")
    await page.until("document.querySelector('.caption.partial .tentative')")
    assert await page.text(".caption .committed") == "Bonjour à"
    assert await page.text(".caption .tentative") == "tout"
    styles = await page.eval(
        "['committed', 'tentative'].map((c) => getComputedStyle(document.querySelector('.' + c)).fontStyle)"
    )
    assert styles == ["normal", "italic"], "not by colour alone"

    await client.transcribe(1, "Bonjour à tous.", start=1)
    await page.until("document.querySelector('.caption.final')")
    assert await page.text(".caption .original") == "Bonjour à tous."
    assert await page.text(".caption .translation") == "translating"
    assert await page.text("#head-source") == "French"

    await client.translate(1, "Hello everyone.")
    await page.until("document.querySelector('.caption .sentence')")
    assert await page.text(".caption .translation") == "Hello everyone."
    assert await page.eval("document.querySelector('.original').lang") == "fr"
    assert await page.eval("document.querySelector('.translation').lang") == "en"
    assert await page.eval("document.querySelectorAll('.caption').length") == 1


async def test_a_translation_is_shown_while_it_grows(page: Page, server: ScriptedServer) -> None:
    await page.click("#start")
    client = await server.session()
    assert client.start["live"] == ["en"]
    await client.tell("transcript.partial", utterance=1, committed="Bonjour", tentative="à")
    await client.tell("translation.partial", utterance=1, target="en", committed="Hello", tentative="to")
    await page.until("document.querySelector('.caption.partial .translation .tentative')")
    assert await page.text(".translation") == "Hello to"
    await client.tell("translation.partial", utterance=1, target="en", committed="Hell", tentative="o")
    await client.transcribe(1, "Bonjour à tous.")
    await page.until("document.querySelector('.caption.final')")
    assert await page.text(".translation") == "Hello to", "it never goes back"
    await client.translate(1, "Hello everyone.")
    await page.until("document.querySelector('.translation .sentence')")
    assert await page.text(".translation") == "Hello everyone."


async def test_two_people_before_one_microphone(page: Page, server: ScriptedServer) -> None:
    await page.choose("#source", "de")
    await page.click("#between")
    assert await page.eval("document.querySelector('#between').getAttribute('aria-pressed')") == "true"
    assert await page.text("#target-label") == "The other"
    await page.click("#start")
    client = await server.session()
    assert (client.start["source"], client.start["between"]) == ("auto", ["de", "en"])
    assert "targets" not in client.start
    for utterance, (text, language, translation, target) in enumerate(
        (("Guten Tag.", "de", "Good day.", "en"), ("Hello.", "en", "Hallo.", "de")), 1
    ):
        await client.transcribe(utterance, text, language, start=utterance)
        await client.translate(utterance, translation, target)
    await page.until("document.querySelectorAll('.sentence').length === 2")
    languages = await page.eval("Array.from(document.querySelectorAll('.translation'), (each) => each.lang)")
    assert languages == ["en", "de"]
    assert client.said("session.update") == [], "the server has agreed to what was asked for"


async def test_what_is_empty_is_not_shown_and_what_failed_is(page: Page, server: ScriptedServer) -> None:
    await page.click("#start")
    client = await server.session()
    await client.tell("transcript.partial", utterance=1, committed="", tentative="Merci")
    await page.until("document.querySelector('.caption')")
    await client.tell("utterance.empty", utterance=1, reason="noise", start=0, end=1)
    await client.tell("error", utterance=2, code="engine_failed", message="x", retryable=True)
    await page.until("document.querySelector('.caption.failed')")
    assert await page.eval("document.querySelectorAll('.caption').length") == 1
    assert await page.text(".caption .original") == "This sentence could not be understood."


async def test_text_is_text(page: Page, server: ScriptedServer) -> None:
    await page.click("#start")
    client = await server.session()
    await client.transcribe(1, "<b>x</b> & <script>y</script>")
    await page.until("document.querySelector('.caption.final')")
    assert await page.text(".caption .original") == "<b>x</b> & <script>y</script>"


async def test_finals_are_announced_once_to_screen_readers_and_partials_never(
    page: Page, server: ScriptedServer
) -> None:
    await page.click("#start")
    client = await server.session()
    await client.tell("transcript.partial", utterance=1, committed="Bonjour", tentative="")
    await client.transcribe(1, "Bonjour.")
    await client.translate(1, "Hello.")
    await client.speak(1, b"\0\0" * 2205)
    await client.transcribe(2, "Au revoir.")
    await client.tell("error", utterance=2, target="en", code="translation_failed", message="x", retryable=True)
    await client.until(lambda: client.said("speech.played"))
    await page.until("document.querySelector('#announcer').childElementCount === 2")
    said = await page.eval("Array.from(document.querySelector('#announcer').children, (p) => [p.textContent, p.lang])")
    assert said == [["Hello.", "en"], ["Au revoir.", "en"]] or said == [["Hello.", "en"], ["Au revoir.", "fr"]]
    assert await page.eval("document.querySelector('#announcer').getAttribute('aria-live')") == "polite"


async def test_the_newest_stays_in_view_until_the_reader_scrolls_up(page: Page, server: ScriptedServer) -> None:
    at_end = "(({scrollTop, scrollHeight, clientHeight}) => scrollHeight - scrollTop - clientHeight < 2)(scroller)"
    await page.click("#start")
    client = await server.session()
    for number in range(1, MANY + 1):
        await client.transcribe(number, f"Phrase numéro {number}.", start=number)
    await page.until(f"document.querySelectorAll('.caption').length === {MANY} && {at_end}")
    assert await page.eval("jump.hidden")

    await page.eval("scroller.scrollTop = 100")
    await page.until("!jump.hidden")
    await client.transcribe(MANY + 1, "Une phrase de plus.", start=MANY + 1)
    await page.until(f"document.querySelectorAll('.caption').length === {MANY + 1}")
    assert await page.eval("scroller.scrollTop") == 100

    await page.click("#jump")
    await page.until(f"{at_end} && jump.hidden")
    await client.transcribe(MANY + 2, "Et encore une.", start=MANY + 2)
    await page.until(f"document.querySelectorAll('.caption').length === {MANY + 2} && {at_end}")


async def test_captions_can_be_copied_and_saved(page: Page, server: ScriptedServer) -> None:
    await page.browser.call(
        "Browser.grantPermissions",
        permissions=["clipboardReadWrite", "clipboardSanitizedWrite", "audioCapture"],
        browserContextId=page.context,
    )
    assert await page.eval("copy.disabled && save.disabled")
    await page.click("#start")
    client = await server.session()
    await client.transcribe(1, "Bonjour à tous.")
    await client.translate(1, "Hello everyone.")
    await page.until("document.querySelector('.sentence')")

    await page.call("Page.bringToFront")
    await page.click("#copy")
    await page.until("document.querySelector('#done').textContent === 'Copied'")
    copied = await page.eval("navigator.clipboard.readText()")
    assert "] Bonjour à tous.\n           Hello everyone.\n" in copied

    await page.eval(
        """{
            const create = URL.createObjectURL;
            URL.createObjectURL = (blob) => { window.saved = blob; return create(blob); };
            const click = HTMLAnchorElement.prototype.click;
            HTMLAnchorElement.prototype.click = function () {
                window.savedAs = this.download;
                return click.call(this);
            };
        }"""
    )
    await page.click("#save")
    assert await page.until("window.savedAs?.match(/^dragoman-[-0-9]+[.]txt$/)")
    assert await page.eval("saved.text()") == copied
