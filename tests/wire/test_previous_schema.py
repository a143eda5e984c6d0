"""What the release before this one wrote is read, and what this one writes is what that one can read.

tests/data/schema has a sample of everything that a release sends or keeps, written by that release
(tests/schema_samples.py); docs/upgrading.md has the rules that are held here. tests/system/test_mixed_versions.py does
the same with the release itself.
"""

from __future__ import annotations

import json
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests import schema_samples
from wire.messages import ClientMail, ControlMail, Message, NodeMail, decode
from wire.protocol import AnyClientEvent, AnyClientRequest

ROOT = Path(__file__).resolve().parents[2]
PREVIOUS = "7f3b63e"
BEFORE: dict[str, dict[str, Any]] = json.loads((ROOT / "tests" / "data" / "schema" / f"{PREVIOUS}.json").read_text())
TODAY = schema_samples.classes(ROOT)
UNIONS = (ClientMail, NodeMail, ControlMail, AnyClientEvent, AnyClientRequest)
SIZES = ("least", "most")


def contained(before: Any, today: Any) -> bool:
    """Whether all that was said is still said, alike."""
    if isinstance(before, dict) and isinstance(today, dict):
        return all(key in today and contained(value, today[key]) for key, value in before.items())
    if isinstance(before, list) and isinstance(today, list):
        return len(before) == len(today) and all(map(contained, before, today))
    return bool(before == today)


def told(message: Any) -> Any:
    """All its fields, those that are left out on the wire, too."""
    if isinstance(message, msgspec.Struct):
        found = {name: told(getattr(message, name)) for name in message.__struct_fields__}
        tag = message.__struct_config__
        return {tag.tag_field: tag.tag, **found} if tag.tag_field else found
    if isinstance(message, list | tuple):
        return [told(each) for each in message]
    if isinstance(message, dict):
        return {key: told(value) for key, value in message.items()}
    return json.loads(msgspec.json.encode(message))


def test_nothing_that_was_sent_or_kept_is_gone() -> None:
    assert not BEFORE.keys() - TODAY.keys()


@pytest.mark.parametrize("name", BEFORE)
def test_what_was_written_before_is_read(name: str) -> None:
    for size in SIZES:
        in_json, *packed = schema_samples.encodings(BEFORE[name], size)
        for data in (in_json, *packed):
            assert contained(json.loads(in_json), told(decode(TODAY[name], data)))


@pytest.mark.parametrize("name", [name for name in BEFORE if BEFORE[name]["tag"]])
def test_it_is_known_among_others_by_its_type(name: str) -> None:
    assert TODAY[name].__struct_config__.tag == BEFORE[name]["tag"]
    for union in UNIONS:
        if TODAY[name] in (typing.get_args(union) or (union,)):
            assert type(decode(union, BEFORE[name]["most"].encode())) is TODAY[name]


@pytest.mark.parametrize("name", BEFORE)
def test_what_is_written_today_was_understood_before(name: str) -> None:
    """Fields that are new have a default here and are ignored there. Those that were there are there, of the same type;
    those without a default are never left out."""
    before, today = BEFORE[name], {field.name: field for field in msgspec.structs.fields(TODAY[name])}
    types = {field: schema_samples.shown(today[field].type) for field in before["types"] if field in today}
    assert types == before["types"], f"{name}: make a new version of it (docs/upgrading.md)"
    added = [field for field in today if field not in before["types"] and today[field].required]
    assert not added, f"{name}: give {added} a default"
    least = schema_samples.samples(TODAY[name])["least"]
    missing = set(before["required"]) - set(json.loads(msgspec.json.encode(least)))
    assert not missing, f"{name}: {missing} may be left out, and the release before does not read it then"


def test_the_reader_of_fixtures_notices_a_change() -> None:
    """The comparison itself."""
    assert contained({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2, "c": 3}], "d": 4})
    assert not contained({"a": 1}, {"a": 2})
    assert not contained({"a": [1]}, {"a": [1, 2]})
    assert not contained({"a": 1}, {})

    class Renamed(Message, frozen=True, kw_only=True, tag="transcribed"):
        words: int = 0

    sample = BEFORE["wire.messages:Transcribed"]["most"].encode()
    with pytest.raises(Exception, match="words"):
        decode(Renamed, sample)
