"""Every message class of the project, found by walking its packages, survives the wire unchanged."""

from __future__ import annotations

import ast
import importlib
import math
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wire import jobs, messages, protocol, records
from wire.errors import ProtocolViolation
from wire.messages import MailboxMessage, Message, decode, encode

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("wire", "actors", "node_runtime", "ingress", "cli")


def modules_with_messages() -> list[str]:
    """Modules that define a class on a base named …Message, …Mail, …Event or …Request; others need no import."""
    found = []
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        bases = {
            base.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ClassDef)
            for base in node.bases
            if isinstance(base, ast.Name)
        }
        if any(name.endswith(("Message", "ClientEvent", "ClientRequest")) for name in bases):
            found.append(path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."))
    return found


for module in modules_with_messages():
    importlib.import_module(module)


def subclasses(kind: type[Any]) -> list[type[Any]]:
    return [each for child in kind.__subclasses__() for each in (child, *subclasses(child))]


ABSTRACT = {MailboxMessage, messages.NodeMessage, protocol.ClientEvent, protocol.ClientRequest}
CLASSES = sorted(
    {kind for kind in subclasses(Message) if kind not in ABSTRACT and kind.__module__.split(".")[0] in PACKAGES},
    key=lambda kind: kind.__name__,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WHOLE = st.integers(-(2**53), 2**53)
REAL = st.floats(allow_nan=False, allow_infinity=False)
RAW = st.builds(lambda value: msgspec.Raw(msgspec.json.encode(value)), st.dictionaries(TEXT, WHOLE, max_size=3))


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of the types that messages use; another type must be added here first."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXT,
        int: WHOLE,
        float: REAL,
        bool: st.booleans(),
        bytes: st.binary(max_size=12),
        type(None): st.none(),
        Any: st.one_of(TEXT, WHOLE),
        msgspec.Raw: RAW,
    }
    if hint in simple:
        return simple[hint]
    if origin is list:
        return st.lists(values(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is typing.Annotated:
        return values(arguments[0])
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return instances(hint)
    return st.one_of(*(values(each) for each in arguments))


def instances(kind: type[Any]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return st.builds(kind, **{name: values(hints[name]) for name in kind.__struct_fields__})


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_was_sent_is_what_arrives(kind: type[Any], data: st.DataObject) -> None:
    message = data.draw(instances(kind))
    encoded = encode(message)
    assert encoded.startswith(b"{") is not kind.BINARY
    assert_same(decode(kind, encoded), message)


def assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    for name in one.__struct_fields__:
        mine, theirs = getattr(one, name), getattr(other, name)
        if isinstance(mine, msgspec.Raw):
            mine, theirs = bytes(mine), bytes(theirs)
        assert mine == theirs, name


def test_the_walk_finds_what_there_is() -> None:
    assert {jobs.Job, records.NodeRecord, protocol.TranscriptFinal, protocol.StartRequest} <= set(CLASSES)
    assert len(CLASSES) > 40


@pytest.mark.parametrize("kind", subclasses(MailboxMessage), ids=lambda kind: kind.__name__)
def test_every_mailbox_message_is_in_the_unions_and_found_by_its_tag(kind: type[Any]) -> None:
    if kind in ABSTRACT:
        return
    (side,) = [
        union
        for union in (messages.ClientMail, messages.NodeMail, messages.ControlMail)
        if kind in (typing.get_args(union) or (union,))
    ]
    assert kind in typing.get_args(messages.Mail)
    about_a_job = issubclass(kind, messages.NodeMessage) or kind is messages.Hypothesis
    assert about_a_job is (side is messages.NodeMail)
    example = _plain(kind)
    assert decode(side, encode(example)) == decode(messages.Mail, encode(example)) == example


def _plain(kind: type[Any]) -> Any:
    """One instance, made of the plainest values."""
    hints = typing.get_type_hints(kind)
    plain: dict[Any, Any] = {str: "x", int: 1, float: 0.5, bool: True, bytes: b"\0\0"}
    made = {}
    for name in kind.__struct_fields__:
        hint, first = hints[name], (*typing.get_args(hints[name]), None)[0]
        if typing.get_origin(hint) is typing.Literal:
            made[name] = first
        elif typing.get_origin(hint) in (list, dict):
            made[name] = typing.get_origin(hint)()
        elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            made[name] = hint()
        else:
            made[name] = plain[hint if hint in plain else first]
    return kind(**made)


def test_tags_are_unlike_one_another() -> None:
    tags = [kind.__struct_config__.tag for kind in CLASSES if kind.__struct_config__.tag is not None]
    events = {kind.__struct_config__.tag for kind in typing.get_args(protocol.AnyClientEvent)}
    mails = {kind.__struct_config__.tag for kind in typing.get_args(messages.Mail)}
    assert len(mails) == len(typing.get_args(messages.Mail))
    assert len(events) == len(typing.get_args(protocol.AnyClientEvent))
    assert not mails & events
    assert all(isinstance(tag, str) for tag in tags)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{}",
        b"null",
        b"[]",
        b'{"type":"no_such"}',
        b'{"type":"session_terminated","reason":7}',
        b'{"type":"transcribed"}',
        b"\xff\xfe",
        b"\x81\xa4type\xa5audio",
        b'{"type":"\xff"}',
    ],
)
def test_what_cannot_be_read_is_our_error(data: bytes) -> None:
    with pytest.raises(ProtocolViolation) as refused:
        decode(messages.Mail, data)
    assert str(refused.value)
    assert not refused.value.retryable


@given(st.binary(max_size=60))
def test_no_bytes_at_all_raise_another_error(data: bytes) -> None:
    try:
        message: Any = decode(messages.Mail, data)
    except ProtocolViolation:
        return
    assert isinstance(message, MailboxMessage)


def test_messages_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        messages.ClientLeft().reason = "x"  # type: ignore[attr-defined]
    chunk = messages.AudioChunk(first=0, last=0, pcm=b"", speech=b"")
    with pytest.raises(AttributeError):
        chunk.first = 2  # type: ignore[misc]


def test_an_audio_chunk_costs_little_more_than_its_audio() -> None:
    pcm = b"\0" * 3200
    chunk = messages.AudioChunk(first=2**31, last=2**31, pcm=pcm, speech=b"\0" * 4)
    assert len(encode(chunk)) - len(pcm) < 60
    assert math.isclose(len(pcm) / 32_000, 0.1)
