"""A room as its reader uses it: the way in, the conversation, the way out."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from tests.page.browser import Page
from tests.page.scripted_server import Client, ScriptedServer, tone
from tests.page.test_look import SCREENS, fits

pytestmark = pytest.mark.browser

BOB = {
    "member": "mb", "name": "Bob", "language": "en", "number": 7, "source": "en", "targets": ["fr"], "state": "here",
}  # fmt: skip
CARL = BOB | {"member": "mc", "name": "Carl", "number": 8}
JOINED_AT = 1000.0


async def write(page: Page, selector: str, text: str) -> None:
    await page.eval(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(text)}")


async def joined(page: Page, server: ScriptedServer, *others: dict[str, Any]) -> Client:
    """Anna, who speaks and reads French, is in a new room."""
    await page.click("#lobby-open")
    await write(page, "#my-name", "Anna")
    await page.choose("#my-source", "fr")
    await page.choose("#my-language", "fr")
    await page.click("#create")
    client = await server.session()
    await client.join("ma", JOINED_AT, *(others or (BOB,)))
    await page.until("document.querySelectorAll('.person').length > 1")
    return client


async def voice(client: Client, utterance: int, who: dict[str, Any] = BOB, seconds: float = 0.3, n: int = 10) -> None:
    at, member = JOINED_AT + utterance, who["member"]
    await client.say(member, at, "speech.started", n=n, utterance=utterance, target="fr", sample_rate=22_050)
    await client.frame(utterance, 0, tone(seconds), "fr", speaker=who["number"])
    await client.say(member, at, "speech.ended", n=n + 1, utterance=utterance, target="fr", seconds=seconds, chunks=1)


async def sentence(client: Client, utterance: int, text: str, translation: str, who: dict[str, Any] = BOB) -> None:
    at, member = JOINED_AT + utterance, who["member"]
    await client.say(
        member, at, "transcript.final", n=2 * utterance, utterance=utterance, text=text, language="en", start=0, end=1
    )
    await client.say(
        member, at, "translation.final", n=2 * utterance + 1, utterance=utterance, target="fr", text=translation
    )


async def test_a_room_is_started_and_its_link_is_in_the_address(page: Page, server: ScriptedServer) -> None:
    client = await joined(page, server)
    assert client.start["source"] == "fr"
    assert "targets" not in client.start
    assert client.start["room"] == {"code": "K7MQ3RTX", "name": "Anna", "language": "fr", "speech": True, "have": {}}
    assert await page.eval("location.hash") == "#room=K7MQ-3RTX"
    assert await page.text("#room-name") == "K7MQ-3RTX"
    names = await page.eval("Array.from(document.querySelectorAll('.person-name'), (each) => each.textContent)")
    assert names == ["Anna (you)", "Bob"]
    assert not await page.eval("document.querySelector('.choices').checkVisibility()")


async def test_the_way_in_by_link_remembers_who_the_reader_is(page: Page, server: ScriptedServer) -> None:
    await joined(page, server)
    await page.goto("about:blank")
    await page.goto(f"{server.url}/#room=abcd-2345")
    await page.until(
        "document.querySelector('#lobby').open && document.querySelector('#my-language').options.length > 1"
    )
    fields = "['my-name', 'my-source', 'my-language', 'room-code'].map((id) => document.getElementById(id).value)"
    assert await page.eval(fields) == ["Anna", "fr", "fr", "ABCD-2345"]
    await page.click("#listens")
    await page.click("#join")
    client = await server.client()
    assert client.start["type"] == "room.join"
    assert client.start["room"]["code"] == "ABCD2345"
    await client.join("ma", JOINED_AT, BOB)
    await page.until("document.body.dataset.phase === 'live'")
    assert client.audio == b""
    await page.click("#start")
    await client.until(lambda: client.said("session.close"))
    await client.socket.close(code=1000)
    await page.until("document.body.dataset.phase === 'ready'")
    assert await page.eval("notice.hidden")


async def test_what_is_missing_is_said_where_it_is_missing(page: Page) -> None:
    await page.click("#lobby-open")
    await page.click("#join")
    assert await page.eval("document.activeElement.id") == "my-name"
    assert "name" in await page.text("#lobby-trouble")
    await write(page, "#my-name", "Anna")
    await write(page, "#room-code", "K7MQ")
    await page.click("#join")
    assert await page.eval("document.activeElement.id") == "room-code"
    assert "8 letters" in await page.text("#lobby-trouble")
    await page.click("#lobby-close")
    assert not await page.eval("document.querySelector('#lobby').open")


async def test_the_conversation_has_names_and_the_readers_language(page: Page, server: ScriptedServer) -> None:
    client = await joined(page, server)
    await client.tell("room.speaking", speaker="mb", utterance=1)
    await page.until("document.querySelector('.person.talks .person-name')?.textContent === 'Bob'")
    assert await page.text(".caption.other .awaited") == "speaking"
    await client.say("mb", 1001, "translation.partial", utterance=1, target="fr", committed="Bonjour", tentative="mon")
    await page.until("document.querySelector('.caption.other .translation .tentative')")
    await sentence(client, 1, "Hello, my friend.", "Bonjour mon ami.")
    await client.transcribe(1, "Bonjour Bob.")
    await page.until("document.querySelectorAll('.caption.final').length === 2 && !document.querySelector('.awaited')")
    assert await page.text(".caption.other .who") == "Bob"
    assert await page.text(".caption.other .translation") == "Bonjour mon ami."
    sizes = await page.eval(
        "['.other .translation', '.self .original', '.other .original'].map((each) => "
        "parseFloat(getComputedStyle(document.querySelector(each)).fontSize))"
    )
    assert sizes[0] > sizes[1] > 0
    assert sizes[0] > sizes[2]
    assert await page.eval("document.querySelector('.person.talks') === null")
    said = await page.eval("Array.from(document.querySelector('#announcer').children, (each) => each.textContent)")
    assert said == ["Bob: Hello, my friend.", "Bob: Bonjour mon ami."] or said == ["Bob: Bonjour mon ami."]


async def test_voices_come_one_after_another_and_the_server_is_told_whose(page: Page, server: ScriptedServer) -> None:
    client = await joined(page, server, BOB, CARL)
    await client.frame(9, 0, tone(0.3), "fr", speaker=7)  # its beginning was not told
    for who in (BOB, CARL):
        await voice(client, 1, who)
    await client.until(lambda: len(client.said("speech.played")) == 2)
    told = [(each["type"], each.get("speaker"), each["utterance"]) for each in client.messages if "utterance" in each]
    assert told == [
        ("speech.playing", "mb", 1), ("speech.played", "mb", 1),
        ("speech.playing", "mc", 1), ("speech.played", "mc", 1),
    ]  # fmt: skip
    played = await page.eval("played")
    assert all(one["to"] <= other["from"] + 1e-6 for one, other in pairwise(played))


async def test_voices_are_lower_while_the_reader_speaks(page: Page, server: ScriptedServer) -> None:
    client = await joined(page, server)
    await client.tell("transcript.partial", utterance=1, committed="", tentative="Attends")
    await page.until("document.querySelector('.caption.self .tentative')")
    await voice(client, 1, seconds=2)
    await page.until("loudness() > 0.02 && loudness() < 0.15")
    await client.transcribe(1, "Attends.")
    await page.until("loudness() > 0.3")


async def test_who_hears_nothing_says_so(page: Page, server: ScriptedServer) -> None:
    client = await joined(page, server)
    await page.click("#mute")
    await client.until(lambda: client.said("room.update"))
    assert client.said("room.update")[-1]["speech"] is False


async def test_the_microphone_can_be_muted(page: Page, server: ScriptedServer) -> None:
    client = await joined(page, server)
    await client.until(lambda: client.samples().any())
    await page.click("#hush")
    assert await page.eval("document.querySelector('#hush').getAttribute('aria-pressed')") == "true"
    before = client.next_chunk
    await client.until(lambda: client.next_chunk > before + 8)
    assert not any(b"".join(client.session.chunks[before + 2 :]))


async def test_after_a_broken_connection_nothing_comes_twice(page: Page, server: ScriptedServer) -> None:
    client = await joined(page, server)
    await sentence(client, 1, "Hello.", "Bonjour.")
    await client.say("mb", 1002, "speech.started", n=4, utterance=1, target="fr", sample_rate=22_050)
    await client.frame(1, 0, tone(0.4), "fr", speaker=7)
    await page.until("document.querySelector('.caption.speaking')")
    await client.drop()
    again = await server.returned()
    assert again.start["room"]["have"] == {"mb": 3}, "of speech that it has in part it wants all again"
    await again.join("ma", JOINED_AT + 9, BOB)
    await again.say("mb", 1002, "speech.started", n=4, utterance=1, target="fr", sample_rate=22_050)
    for sequence in range(2):
        await again.frame(1, sequence, tone(0.4), "fr", speaker=7)
    await again.say("mb", 1002, "speech.ended", n=5, utterance=1, target="fr", seconds=0.8, chunks=2)
    await again.until(lambda: again.said("speech.played"))
    assert await page.eval("played.reduce((sum, each) => sum + each.to - each.from, 0)") == pytest.approx(0.8, abs=0.05)
    assert await page.eval("document.querySelectorAll('.caption').length") == 1


async def test_leaving_is_the_way_back(page: Page, server: ScriptedServer) -> None:
    client = await joined(page, server)
    await page.click("#room-leave")
    await client.until(lambda: client.said("session.close"))
    await client.finish()
    await page.until("document.body.dataset.phase === 'ready'")
    assert await page.eval("location.hash") == ""
    assert await page.eval("document.querySelector('.choices').checkVisibility()")
    assert await page.eval("document.querySelector('#room').hidden")


async def test_a_room_that_is_not_there_is_told(page: Page, server: ScriptedServer) -> None:
    await page.click("#lobby-open")
    await write(page, "#my-name", "Anna")
    await write(page, "#room-code", "ABCD2345")
    await page.click("#join")
    client = await server.client()
    await client.refuse(4404, "room_unknown")
    await page.until("document.querySelector('#notice').dataset.code === 'room_unknown'")
    await page.until("document.body.dataset.phase === 'ready'")


async def test_a_room_fits_every_screen(page: Page, server: ScriptedServer) -> None:
    others = [BOB | {"member": f"m{number}", "name": f"Somebody {number}", "number": number} for number in range(1, 9)]
    client = await joined(page, server, *others)
    for utterance in range(1, 4):
        await sentence(client, utterance, "Hello, my friend, how are you?", "Bonjour mon ami.", others[0])
    await page.until("document.querySelectorAll('.caption.final').length === 3")
    for width, height in SCREENS:
        await page.resize(width, height)
        await page.until(f"innerWidth === {width} && innerHeight === {height}")
        await fits(page, width)
