from __future__ import annotations

import json
from typing import Any

import pytest

from tests.page.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

STARTED = {"type": "session.started", "source": "auto", "targets": ["en"], "speech": True, "at": 1_000_000}
ORIGINAL_ONLY = STARTED | {"targets": []}


def partial(utterance: int, committed: str, tentative: str = "") -> dict[str, Any]:
    return {"type": "transcript.partial", "utterance": utterance, "committed": committed, "tentative": tentative}


def final(utterance: int, text: str) -> dict[str, Any]:
    start = utterance * 2.0
    fields = {"utterance": utterance, "text": text, "language": "fr", "start": start, "end": start + 1.5}
    return {"type": "transcript.final"} | fields


def translation(utterance: int, text: str, target: str = "en") -> dict[str, Any]:
    return {"type": "translation.final", "utterance": utterance, "target": target, "text": text}


async def fold(page: Page, *events: dict[str, Any]) -> dict[str, Any]:
    state: dict[str, Any] = await page.ask("state", f"return {json.dumps(events)}.reduce(state.reduce, state.initial);")
    return state


async def captions(page: Page, *events: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await fold(page, *events))["captions"]
    return found


async def test_a_partial_grows_and_becomes_final(modules: Page) -> None:
    [caption] = await captions(modules, STARTED, partial(1, "Bonjour", "à"), partial(1, "Bonjour à", "tous"))
    assert (caption["phase"], caption["committed"], caption["tentative"]) == ("partial", "Bonjour à", "tous")
    [caption] = await captions(modules, STARTED, partial(1, "Bonjour"), final(1, "Bonjour à tous."))
    assert (caption["phase"], caption["text"], caption["at"]) == ("final", "Bonjour à tous.", 1_002_000)
    assert caption["translation"]["phase"] == "waiting"


async def test_a_late_partial_does_not_undo_a_final(modules: Page) -> None:
    [caption] = await captions(modules, STARTED, final(1, "Bonjour."), partial(1, "Bon"))
    assert (caption["phase"], caption["text"]) == ("final", "Bonjour.")


async def test_captions_stand_in_the_order_of_their_utterances(modules: Page) -> None:
    found = await captions(modules, STARTED, final(3, "c"), final(1, "a"), partial(4, "d"), final(2, "b"))
    assert [each["utterance"] for each in found] == [1, 2, 3, 4]


async def test_a_new_session_counts_anew_below_the_old_one(modules: Page) -> None:
    lost = {"type": "session.lost"}
    found = await captions(modules, STARTED, final(1, "a"), partial(2, "", "b"), lost, STARTED, final(1, "c"))
    assert [(each["key"], each["text"]) for each in found] == [("1.1", "a"), ("2.1", "c")]
    assert found[0]["translation"] == {
        "target": "en", "phase": "failed", "text": "", "code": "session_lost", "unspoken": "",
    }  # fmt: skip


async def test_the_words_that_were_certain_stay_when_a_session_is_lost(modules: Page) -> None:
    [caption] = await captions(modules, STARTED, partial(1, "Bonjour à", "tous"), {"type": "session.lost"})
    assert (caption["phase"], caption["committed"], caption["code"]) == ("failed", "Bonjour à", "session_lost")


async def test_a_session_that_goes_on_changes_no_caption(modules: Page) -> None:
    resumed = {"type": "session.resumed", "n": 4, "next_chunk": 9, "samples": 9000}
    before = await fold(modules, STARTED, final(1, "a"), partial(2, "b"))
    assert await fold(modules, STARTED, final(1, "a"), partial(2, "b"), resumed) == before


async def test_nothing_is_awaited_where_nothing_was_asked_for(modules: Page) -> None:
    [caption] = await captions(modules, ORIGINAL_ONLY, final(1, "a"))
    assert caption["translation"] is None


async def test_an_empty_utterance_leaves_no_trace(modules: Page) -> None:
    empty = {"type": "utterance.empty", "utterance": 2, "reason": "noise", "start": 0, "end": 1}
    found = await captions(modules, STARTED, final(1, "a"), partial(2, "Sous-titrage"), empty)
    assert [each["utterance"] for each in found] == [1]


async def test_what_failed_is_told_where_it_belongs(modules: Page) -> None:
    failed = {"type": "error", "code": "engine_failed", "message": "x", "retryable": True, "utterance": 1}
    untranslated = failed | {"code": "translation_failed", "utterance": 2, "target": "en"}
    unspoken = failed | {"code": "speech_failed", "utterance": 3, "target": "en"}
    found = await captions(
        modules, STARTED, failed, final(2, "b"), untranslated, final(3, "c"), translation(3, "C"), unspoken
    )
    assert (found[0]["phase"], found[0]["code"]) == ("failed", "engine_failed")
    assert (found[1]["translation"]["phase"], found[1]["translation"]["code"]) == ("failed", "translation_failed")
    assert (found[2]["translation"]["text"], found[2]["translation"]["unspoken"]) == ("C", "speech_failed")


async def test_an_error_about_no_utterance_changes_no_caption(modules: Page) -> None:
    error = {"type": "error", "code": "bad_field", "message": "x", "retryable": False}
    assert len(await captions(modules, STARTED, final(1, "a"), error)) == 1


async def test_a_translation_that_was_passed_over_is_no_longer_awaited(modules: Page) -> None:
    updated = {"type": "session.updated", "source": "auto", "targets": ["en"], "speech": True}
    found = await captions(modules, ORIGINAL_ONLY, updated, final(1, "a"), final(2, "b"), translation(2, "B"))
    assert [each["translation"] and each["translation"]["phase"] for each in found] == [None, "final"]


async def test_what_is_spoken_is_marked(modules: Page) -> None:
    said = [STARTED, final(1, "a"), translation(1, "A"), final(2, "b")]
    begun = {"type": "playback.started", "session": 1, "utterance": 1, "target": "en"}
    assert [each["speaking"] for each in await captions(modules, *said, begun)] == [True, False]
    ended = begun | {"type": "playback.ended"}
    assert [each["speaking"] for each in await captions(modules, *said, begun, ended)] == [False, False]


async def test_unknown_events_change_nothing(modules: Page) -> None:
    assert await modules.ask("state", "return state.reduce(state.initial, {type: 'later'}) === state.initial")


async def test_unchanged_captions_stay_the_same_objects(modules: Page) -> None:
    assert await modules.ask(
        "state",
        """
        const heard = {type: "transcript.final", text: "x", language: "fr", start: 0, end: 1};
        const final = (utterance) => ({...heard, utterance});
        const before = [final(1), final(2)].reduce(state.reduce, state.initial);
        const after = state.reduce(before, {type: "translation.final", utterance: 2, target: "en", text: "y"});
        return before.captions[0] === after.captions[0] && before.captions[1] !== after.captions[1]
            && before.captions[1].translation === null;
        """,
    )


async def test_the_list_has_an_end(modules: Page) -> None:
    kept, dropped, first = await modules.ask(
        "state",
        """
        let s = state.initial;
        for (let utterance = 1; utterance <= state.MAX_CAPTIONS + 3; utterance++) {
            s = state.reduce(s, {type: "transcript.final", utterance, text: "x", language: "fr", start: 0, end: 1});
        }
        return [s.captions.length, s.dropped, s.captions[0].utterance];
        """,
    )
    assert (kept, dropped, first) == (5000, 3, 4)
