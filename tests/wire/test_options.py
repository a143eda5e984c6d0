"""Options: as JSON they say only what differs from the plain session."""

from __future__ import annotations

import msgspec

from wire.options import Correction, Glossary, Options, Word


def test_what_nobody_asked_for_is_not_written() -> None:
    assert msgspec.json.encode(Options()) == b"{}"
    assert msgspec.json.encode(Options(captions=True)) == b'{"captions":true}'
    assert msgspec.json.decode(b"{}", type=Options) == Options()


def test_a_list_of_nobody_to_speak_to_is_not_the_same_as_everybody() -> None:
    written = msgspec.json.encode(Options(spoken=[]))
    assert msgspec.json.decode(written, type=Options).spoken == []
    assert Options().spoken is None


def test_words_and_corrections_read_well() -> None:
    assert msgspec.json.encode(Word("ask", 1.5, 1.75)) == b'{"text":"ask","start":1.5,"end":1.75}'
    assert msgspec.json.encode(Correction(3, "an", "and")) == b'{"at":3,"was":"an","now":"and"}'


def test_a_glossary_is_read_from_what_clients_send() -> None:
    sent = b'{"words":["Ana"],"terms":{"Dragoman":{"fr":"Drogman"}}}'
    assert msgspec.json.decode(sent, type=Glossary) == Glossary(["Ana"], {"Dragoman": {"fr": "Drogman"}})
