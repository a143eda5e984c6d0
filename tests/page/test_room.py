"""What the page makes of what it is told about a room: the PURE folds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.page.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NOW = 1_000_000
ANNA = {
    "member": "ma", "name": "Anna", "language": "fr", "number": 1, "source": "fr", "targets": ["en"], "state": "here",
}  # fmt: skip
BOB = {"member": "mb", "name": "Bob", "language": "en", "number": 0, "source": "auto", "targets": [], "state": "here"}
JOINED = {"type": "room.joined", "room": "K7MQ3RTX", "member": "mb", "at": 900.0, "language": "en", "now": NOW}
MEMBERS = {"type": "room.members", "members": [ANNA, BOB]}
THERE: list[dict[str, Any]] = [JOINED, MEMBERS]


def said(kind: str, at: float = 910.0, **fields: Any) -> dict[str, Any]:
    return {"type": "room.said", "speaker": "ma", "at": at, "event": {"type": kind, **fields}}


def final(utterance: int, text: str, language: str = "fr", at: float = 910.0) -> dict[str, Any]:
    return said("transcript.final", at, utterance=utterance, text=text, language=language, start=0, end=1)


async def captions(page: Page, *events: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await page.ask(
        "state", f"return {json.dumps(events)}.reduce(state.reduce, state.initial).captions;"
    )
    return found


async def test_what_others_say_has_their_name_and_the_readers_language(modules: Page) -> None:
    speaking = {"type": "room.speaking", "speaker": "ma", "utterance": 1, "now": NOW + 5000}
    [caption] = await captions(modules, *THERE, speaking)
    assert (caption["name"], caption["phase"], caption["who"]) == ("Anna", "partial", "other")
    [caption] = await captions(modules, *THERE, speaking, final(1, "Bonjour."))
    assert (caption["key"], caption["text"], caption["at"]) == ("ma.1", "Bonjour.", NOW + 10_000)
    assert caption["translation"]["phase"] == "waiting"
    [caption] = await captions(
        modules, *THERE, final(1, "Bonjour."), said("translation.final", utterance=1, target="en", text="Hello.")
    )
    assert (caption["translation"]["phase"], caption["translation"]["text"]) == ("final", "Hello.")


@pytest.mark.parametrize(
    "event",
    [final(1, "Hello.", "en"), final(1, "Bonjour.", at=890.0)],
    ids=["said in the reader's language", "before the reader came"],
)
async def test_no_translation_is_waited_for_where_none_comes(modules: Page, event: dict[str, Any]) -> None:
    [caption] = await captions(modules, *THERE, event)
    assert caption["translation"] is None
    assert caption["told"] is (event["at"] < 900)


async def test_a_language_that_nobody_here_translates_stays_as_it_was_said(modules: Page) -> None:
    members = MEMBERS | {"members": [ANNA | {"targets": []}, BOB]}
    [caption] = await captions(modules, JOINED, members, final(1, "Bonjour."))
    assert caption["translation"] is None


async def test_a_translation_grows_and_never_goes_back(modules: Page) -> None:
    def partial(committed: str, tentative: str = "") -> dict[str, Any]:
        return said("translation.partial", utterance=1, target="en", committed=committed, tentative=tentative)

    grown = [partial("Good", "day"), partial("Good morning,", "all"), partial("Good", "evening")]
    [caption] = await captions(modules, *THERE, *grown)
    translation = caption["translation"]
    assert (translation["phase"], translation["committed"], translation["tentative"]) == (
        "partial", "Good morning,", "all",
    )  # fmt: skip
    done = said("translation.final", utterance=1, target="en", text="Good morning, everyone.")
    [caption] = await captions(modules, *THERE, *grown, final(1, "Bonjour"), done, partial("Good morning,", "x"))
    assert caption["translation"]["text"] == "Good morning, everyone."
    assert caption["translation"]["phase"] == "final"


async def test_own_words_and_others_stand_in_the_order_in_which_they_began(modules: Page) -> None:
    started = {"type": "session.started", "targets": [], "at": NOW}
    own = {"type": "transcript.partial", "utterance": 1, "committed": "x", "tentative": "", "now": NOW + 12_000}
    own_final = {"type": "transcript.final", "utterance": 1, "text": "x", "language": "en", "start": 0, "end": 1}
    found = await captions(
        modules, started, *THERE, final(1, "a", at=910.0), own, final(2, "b", at=915.0),
        final(1, "late", at=905.0) | {"speaker": "mc"}, own_final | {"now": NOW + 20_000},
    )  # fmt: skip
    assert [each["key"] for each in found] == ["mc.1", "ma.1", "1.1", "ma.2"]
    assert [each["who"] for each in found] == ["other", "other", "self", "other"]
    assert found[2]["translation"] is None


async def test_who_leaves_in_the_middle_of_a_sentence_has_not_said_it(modules: Page) -> None:
    speaking = {"type": "room.speaking", "speaker": "ma", "utterance": 2, "now": NOW}
    half = said("transcript.partial", utterance=3, committed="Je", tentative="")
    left = MEMBERS | {"members": [ANNA | {"state": "left"}, BOB]}
    found = await captions(modules, *THERE, final(1, "a"), speaking, half, left)
    assert [(each["utterance"], each["phase"]) for each in found] == [(1, "final"), (3, "failed")]


async def test_who_is_there_and_who_is_talking(modules: Page) -> None:
    speaking = {"type": "room.speaking", "speaker": "ma", "utterance": 2, "now": NOW}
    away = MEMBERS | {"members": [ANNA, BOB, ANNA | {"member": "mc", "name": "Carl", "state": "away"}]}
    found = await modules.ask(
        "state room",
        f"""const now = {json.dumps([*THERE, away, speaking])}.reduce(state.reduce, state.initial);
        return room.people(now.room, room.talking(now));""",
    )
    assert [(each["name"], each["isSelf"], each["isAway"], each["speaks"], each["talks"]) for each in found] == [
        ("Bob", True, False, False, False), ("Anna", False, False, True, True), ("Carl", False, True, True, False),
    ]  # fmt: skip


async def test_a_code_is_read_from_whatever_is_pasted(modules: Page) -> None:
    for text in ("K7MQ3RTX", " k7mq-3rtx ", "https://example.org/#room=K7MQ-3RTX", "K7MQ 3RTX"):
        assert await modules.ask("room", f"return room.tidy({json.dumps(text)})") == "K7MQ3RTX"
    assert await modules.ask("room", "return [room.codeIn('#room=k7mq-3rtx'), room.codeIn('#x'), room.codeIn('')]") == [
        "K7MQ3RTX", "", "",
    ]  # fmt: skip
    link = await modules.ask("room", "return room.linkOf('http://h:1/#room=OLD', 'K7MQ3RTX')")
    assert link == "http://h:1/#room=K7MQ-3RTX"


async def test_a_link_has_an_invite_where_one_is_needed(modules: Page) -> None:
    link = await modules.ask("room", "return room.linkOf('http://h:1/', 'K7MQ3RTX', 'dgt_abc_DEF')")
    assert link == "http://h:1/#room=K7MQ-3RTX&invite=dgt_abc_DEF"
    asked = f"return [room.inviteIn({link!r}), room.codeIn({link.split('/')[-1]!r}), room.tidy({link!r})]"
    assert await modules.ask("room", asked) == ["dgt_abc_DEF", "K7MQ3RTX", "K7MQ3RTX"]
    assert await modules.ask("room", "return room.inviteIn('#room=K7MQ-3RTX')") == ""
