from __future__ import annotations

import json
from typing import Any

import pytest

from tests.page.browser import Page
from tests.page.scripted_server import INFO

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

Choice = dict[str, Any]


def choice(source: str = "auto", target: str = "en", mode: str = "speech", wanted: str = "") -> Choice:
    return {"source": source, "target": target, "mode": mode, "wanted": wanted or target}


async def choose(page: Page, before: Choice, change: Choice, info: dict[str, Any] = INFO) -> Choice:
    after: Choice = await page.ask(
        "choices", f"return choices.choose({json.dumps(before)}, {json.dumps(change)}, {json.dumps(info)})"
    )
    return after


async def test_only_targets_that_somebody_serves_are_offered(modules: Page) -> None:
    async def targets(source: str) -> Any:
        return await modules.ask("choices", f"return choices.targetsFor('{source}', {json.dumps(INFO)})")

    assert await targets("fr") == ["en", "de"]
    assert await targets("es") == ["en"]
    assert await targets("en") == ["de"]
    assert await targets("auto") == ["en", "de"]


async def test_no_translation_means_captions_in_the_original(modules: Page) -> None:
    assert await choose(modules, choice(), {"target": ""}) == choice(target="", mode="original", wanted="en")
    assert await choose(modules, choice("fr", "de"), {"mode": "original"}) == choice("fr", "", "original", "de")


async def test_translation_switched_on_again_is_into_the_language_wanted_before(modules: Page) -> None:
    before = choice("fr", "", "original", "de")
    assert await choose(modules, before, {"mode": "speech"}) == choice("fr", "de", "speech")
    assert await choose(modules, before, {"target": "en"}) == choice("fr", "en", "bilingual")


async def test_the_same_language_twice_becomes_an_exchange(modules: Page) -> None:
    assert await choose(modules, choice("de", "en"), {"source": "en"}) == choice("en", "de")


async def test_nothing_to_translate_into_leaves_the_original(modules: Page) -> None:
    assert await choose(modules, choice("fr", "en"), {"source": "es"}, INFO | {"targets": {"de": ["fr"]}}) == choice(
        "es", "", "original", "en"
    )


@pytest.mark.parametrize("remembered", ["undefined", "null", "3", "{source: 3, target: [], mode: 'loud'}"])
async def test_what_was_remembered_badly_is_forgotten(modules: Page, remembered: str) -> None:
    settled = await modules.ask("choices", f"return choices.settle({remembered}, {json.dumps(INFO)})")
    assert settled == choice()


async def test_a_remembered_language_that_is_not_served_here_is_replaced(modules: Page) -> None:
    remembered = json.dumps(choice("it", "pt", "bilingual"))
    settled = await modules.ask("choices", f"return choices.settle({remembered}, {json.dumps(INFO)})")
    assert settled == choice("auto", "en", "bilingual")
    unknown = await modules.ask("choices", f"return choices.settle({remembered}, choices.NOTHING_KNOWN)")
    assert unknown == choice("it", "pt", "bilingual"), "as long as nothing is known, nothing is changed"


async def test_two_languages_on_one_microphone(modules: Page) -> None:
    both = await choose(modules, choice("de", "en"), {"between": True})
    assert both == choice("de", "en") | {"between": True}
    request = await modules.ask("choices", f"return choices.requestOf({json.dumps(both)})")
    pair = ["de", "en"]
    assert request == {"source": "auto", "targets": pair, "speech": True, "live": pair, "between": pair}
    assert await choose(modules, choice("auto", "en"), {"between": True}) == both, (
        "another that goes both ways is found"
    )
    assert await choose(modules, choice("fr", "en"), {"between": True}) == choice("fr", "en"), (
        "nobody puts it into French"
    )
    assert await choose(modules, both, {"mode": "original"}) == choice("de", "", "original", "en")
    assert await choose(modules, both, {"between": False}) == choice("de", "en")


async def test_a_choice_is_a_request(modules: Page) -> None:
    for wanted, request in (
        (choice("fr", "en"), {"source": "fr", "targets": ["en"], "speech": True, "live": ["en"]}),
        (choice("fr", "en", "bilingual"), {"source": "fr", "targets": ["en"], "speech": False, "live": ["en"]}),
        (choice("fr", "", "original"), {"source": "fr", "targets": [], "speech": False, "live": []}),
    ):
        assert await modules.ask("choices", f"return choices.requestOf({json.dumps(wanted)})") == request


async def test_languages_have_names(modules: Page) -> None:
    for code, english, own in (("fr", "French", "français"), ("zh", "Chinese", "中文"), ("??", "??", "??")):
        assert await modules.ask("choices", f"return choices.languageName('{code}')") == {
            "english": english,
            "own": own,
        }
