from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.openai.refusals import Refused
from ingress.openai.spoken import LONGEST, PART_CHARACTERS, asked, parts

LEAST: dict[str, Any] = {"model": "tts-1", "voice": "alloy", "input": "Hello."}


def body(**fields: Any) -> bytes:
    return msgspec.json.encode({**LEAST, **fields})


def test_what_is_asked_where_nothing_is_said() -> None:
    found = asked(body(instructions=" "))
    assert (found.response_format, found.speed, found.stream_format, found.voice_name) == ("mp3", 1.0, "audio", "alloy")
    assert asked(body(voice={"id": "amy"}, speed=2)).voice_name == "amy"


@pytest.mark.parametrize(
    ("sent", "param", "code"),
    [
        (b"", None, "bad_request"),
        (b"{", None, "bad_request"),
        (b"\xff", None, "bad_request"),
        (b"[" * 100_000, None, "bad_request"),
        (b"[]", None, "invalid_value"),
        (b"{}", "input", "missing_required_parameter"),
        (body(input="\n…"), "input", "invalid_value"),
        (body(input="a" * 4097), "input", "invalid_value"),
        (body(input=7), "input", "invalid_value"),
        (body(voice={"name": "amy"}), "name", "unknown_parameter"),
        (body(voice=""), "voice", "invalid_value"),
        (body(instructions="Slowly."), "instructions", "unsupported_value"),
        (body(pitch=1), "pitch", "unknown_parameter"),
        (body(speed=5), "speed", "invalid_value"),
    ],
)
def test_what_is_wrong_is_named(sent: bytes, param: str | None, code: str) -> None:
    with pytest.raises(Refused) as caught:
        asked(sent)
    assert caught.value.code == code
    if code != "unknown_parameter":
        assert caught.value.param == param


def test_marks_without_end_cost_no_more_than_words() -> None:
    """Where each mark was tried again for all that follow, this took minutes."""
    assert "".join(parts("A" + "!" * 100_000 + "b.")).replace(" ", "") == "A" + "!" * 100_000 + "b."


def test_the_first_sentence_is_alone_and_the_others_go_together() -> None:
    text = "“Well!” she said. " + "Then it rained for days. " * 40
    first, *others = parts(text)
    assert first == "“Well!”"
    assert all(PART_CHARACTERS / 2 < len(each) <= PART_CHARACTERS for each in others[:-1])
    assert " ".join([first, *others]) == text.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello.", ["Hello."]),
        ("Version 3.5 is out. Go and get it.", ["Version 3.5 is out.", "Go and get it."]),
        ("…\n\nHello!\n---\nBye.", ["… Hello! ---", "Bye."]),
        ("今日は。またね！", ["今日は。", "またね！"]),
        ("One line\nand another", ["One line", "and another"]),
    ],
)
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


def test_a_sentence_without_an_end_is_cut_between_words() -> None:
    made = parts("word " * 800)
    assert all(len(each) <= LONGEST and set(each.split()) == {"word"} for each in made)
    assert [len(each) for each in parts("a" * 2000)] == [800, 800, 400]


@given(st.text(st.sampled_from("ab .!?\n。…\"'"), max_size=300))
def test_nothing_is_left_out_and_each_part_says_something(text: str) -> None:
    made = parts(text)
    assert "".join("".join(made).split()) == "".join(text.split())
    if any(map(str.isalnum, text)):
        assert all(any(map(str.isalnum, each)) for each in made[:1])
