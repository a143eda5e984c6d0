from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.page.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"


def codes_of_the_protocol() -> set[str]:
    """Every error code that docs/protocol.md names in its section on errors."""
    section = PROTOCOL.read_text().split("## Errors")[1].split("\n## ")[0]
    found = set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", section))
    return found - {"code", "message", "retryable", "error", "utterance", "session"}


async def test_every_error_of_the_protocol_has_words(modules: Page) -> None:
    told = {
        code: await modules.ask("words", f"return [words.words('{code}').title, words.missing('{code}')]")
        for code in sorted(codes_of_the_protocol())
    }
    assert len(told) > 20
    without = [
        code for code, (title, missing) in told.items() if title == "Something went wrong" and missing == "failed"
    ]
    assert without == []


async def test_an_unknown_code_is_told_in_the_servers_words(modules: Page) -> None:
    told = await modules.ask("words", "return words.words('out_of_tea', 'The kettle is empty.')")
    assert (told["tone"], told["hint"]) == ("bad", "The kettle is empty.")


async def test_times_are_told_so_that_nobody_counts_seconds(modules: Page) -> None:
    told = await modules.ask(
        "words", "return [3, 12, 43, 100, 3600].map((eta_s) => words.inLine({ position: 2, eta_s }).split(', ')[1])"
    )
    assert told == ["a few seconds", "about 10 s", "about 45 s", "about 2 min", "about 60 min"]
