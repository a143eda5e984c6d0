from __future__ import annotations

import json
from typing import Any

import pytest

from ingress.recordings import asking
from ingress.recordings.asking import Asked, digest, from_form, from_json
from ingress.recordings.refusals import Refused
from wire.options import Glossary, Options

TERMS = {"words": ["Dragoman"], "terms": {"Dragoman": {"fr": "Drogman"}}}


def test_nothing_asked_for_is_transcripts_alone() -> None:
    asked = from_form([], "talk.wav")
    assert asked == Asked(name="talk.wav")
    wishes = asked.wishes()
    assert (wishes.source, wishes.targets, wishes.speech) == ("auto", [], False)
    assert wishes.options == Options(recorded=True, words=True, spoken=[])


@pytest.mark.parametrize(
    "fields",
    [
        [("targets", "en,es")],
        [("targets", "en"), ("targets", "es")],
        [("targets[]", " en "), ("targets[]", "es")],
        [("targets", "en, es,"), ("reference", " ")],
    ],
)
def test_lists_are_written_in_three_ways(fields: list[tuple[str, str]]) -> None:
    assert from_form(fields, "").targets == ["en", "es"]


@pytest.mark.parametrize(
    ("speech", "spoken"), [("true", ["en", "es"]), ("false", []), ("es", ["es"]), ("es,es", ["es"])]
)
def test_speech_is_all_nothing_or_some(speech: str, spoken: list[str]) -> None:
    asked = from_form([("targets", "en,es"), ("speech", speech)], "")
    assert asked.speech == spoken
    assert asked.wishes().options.spoken == spoken
    assert asked.wishes().speech is bool(spoken)


def test_a_form_and_json_ask_for_the_same() -> None:
    form = [
        ("source", "fr"), ("targets", "en"), ("speech", "en"), ("reference", "Bonjour."),
        ("glossary", json.dumps(TERMS)),
    ]  # fmt: skip
    url = "https://example.com/a/talk.mp3?key=secret"
    body = {
        "urls": [url], "source": "fr", "targets": ["en"], "speech": True,
        "reference": "Bonjour.", "glossary": TERMS, "between": None,
    }  # fmt: skip
    (asked,) = from_json(json.dumps(body).encode())
    assert (asked.name, asked.url) == ("talk.mp3", url)
    brought = from_form(form, "talk.mp3")
    assert brought == Asked(
        name="talk.mp3", source="fr", targets=["en"], speech=["en"], reference="Bonjour.",
        glossary=Glossary(words=["Dragoman"], terms={"Dragoman": {"fr": "Drogman"}}),
    )  # fmt: skip
    assert asking.decoded(asking.encoded(brought)) == brought
    assert brought.wishes() == asked.wishes()


def test_two_languages_that_take_turns_are_the_targets() -> None:
    asked = from_form([("between", "fr,en"), ("speech", "true")], "")
    assert asked.wishes().targets == ["fr", "en"]
    assert asked.speech == ["fr", "en"]


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ([("langs", "en")], "unknown_field", "langs"),
        ([("source", "en"), ("source", "fr")], "bad_field", "source"),
        ([("glossary", "{")], "bad_field", "glossary"),
        ([("glossary", "[" * 100_000)], "bad_field", "glossary"),
        ([("glossary", '{"wrds":[]}')], "bad_field", "glossary"),
        ([("glossary", '{"words":[1]}')], "bad_field", "glossary"),
        ([("targets", "en"), ("source", "en")], "target_equals_source", None),
        ([("targets", "English")], "language_unsupported", None),
        ([("targets", "en"), ("speech", "fr")], "bad_field", None),
        ([("between", "en")], "bad_field", None),
        ([("reference", "é" * 1_000_001)], "bad_field", "reference"),
    ],
)
def test_what_is_wrong_is_refused_by_name(fields: list[tuple[str, str]], code: str, param: str | None) -> None:
    with pytest.raises(Refused) as refused:
        from_form(fields, "")
    assert (refused.value.code, refused.value.param, refused.value.status) == (code, param, 400)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{", "bad_request", None),
        (b"[]", "bad_request", None),
        (b"[" * 100_000, "bad_request", None),
        (b"\xff", "bad_request", None),
        (b"{}", "missing_field", "urls"),
        ({"urls": []}, "bad_field", "urls"),
        ({"urls": ["x"] * 21}, "bad_field", "urls"),
        ({"urls": "https://example.com"}, "bad_field", "urls"),
        ({"urls": [1]}, "bad_field", "urls"),
        ({"urls": ["https://x.example"], "targets": "en"}, "bad_field", "targets"),
        ({"urls": ["https://x.example"], "speech": 1}, "bad_field", "speech"),
        ({"urls": ["https://x.example"], "file": "x"}, "unknown_field", "file"),
        ({"urls": ["https://x.example"], "url": "x"}, "unknown_field", "url"),
    ],
)
def test_json_that_is_wrong_is_refused_by_name(body: Any, code: str, param: str | None) -> None:
    with pytest.raises(Refused) as refused:
        from_json(body if isinstance(body, bytes) else json.dumps(body).encode())
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("talk.mp4", "talk.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\talk.mp4", "talk.mp4"),
        ("a\r\nSet-Cookie: x\x00\u202e.wav", "aSet-Cookie: x.wav"),
        ("x" * 500, "x" * 200),
    ],
)
def test_names_are_shown_without_paths_and_tricks(given: str, shown: str) -> None:
    assert asking.clean_name(given) == shown


def test_requests_differ_in_every_field_and_in_the_recording() -> None:
    base = Asked(name="a", targets=["en"])
    others = [
        base, Asked(name="b", targets=["en"]), Asked(name="a", targets=["es"]),
        Asked(name="a", targets=["en"], speech=["en"]), Asked(name="a", targets=["en"], reference="x"),
        Asked(name="a", targets=["en"], url="x"),
    ]  # fmt: skip
    assert len({digest(each, "sha") for each in others} | {digest(base, "other")}) == len(others) + 1
    assert digest(base, "sha") == digest(Asked(targets=["en"], name="a"), "sha")
