from __future__ import annotations

import pytest

from tests.page.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_captions_as_text(modules: Page) -> None:
    text = await modules.ask(
        "transcript",
        """
        const captions = [
            {phase: "final", at: 1, text: "Bonjour.", translation: {phase: "final", text: "Hello."}},
            {phase: "final", at: 2, text: "Ça va ?", translation: {phase: "waiting", text: ""}},
            {phase: "final", at: 3, text: "Oui.", translation: null},
            {phase: "partial", committed: "Alors"},
            {phase: "failed", code: "timed_out"},
        ];
        return transcript.asText(captions, (at) => `00:00:0${at}`);
        """,
    )
    assert text == "[00:00:01] Bonjour.\n           Hello.\n\n[00:00:02] Ça va ?\n\n[00:00:03] Oui."


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        ("Hello. How are you? Fine!", "en", 3),
        ("No end", "en", 1),
        ("你好。再见。", "zh", 2),
        ("He has 3.5 euros.", "en", 1),
    ],
)
async def test_sentences(modules: Page, text: str, language: str, count: int) -> None:
    parts = await modules.ask("transcript", f"return transcript.sentences({text!r}, '{language}')")
    assert "".join(parts) == text
    assert len(parts) == count


async def test_the_sentence_being_spoken_is_found_by_its_share(modules: Page) -> None:
    for position, seconds, expected in (
        (0, 4, 0),
        (0.9, 4, 0),
        (1.1, 4, 1),
        (3.9, 4, 1),
        (9, 4, 1),
        (0.5, 0, 0),
        (5, 0, 1),
    ):
        found = await modules.ask(
            "transcript",
            f"return transcript.sentenceAt(['ten chars.', 'and three times as many, 30...'], {position}, {seconds})",
        )
        assert found == expected
