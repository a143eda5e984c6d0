from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import schema
from wire.errors import NewerSchema, ProtocolViolation
from wire.jobs import Job
from wire.messages import ClientMail, Message, NodeMail, decode, encode, snake
from wire.protocol import AnyClientEvent
from wire.records import NodeRecord


class Sent(Message, frozen=True, kw_only=True, tag=snake):
    """As of this version."""

    text: str


class SentAnew(Message, frozen=True, kw_only=True, tag="sent@2"):
    """A later version's, in which the text means something else."""

    text: list[str]


Both = Sent | SentAnew


def test_the_first_version_carries_nothing() -> None:
    assert encode(Sent(text="a")) == b'{"type":"sent","text":"a"}'


def test_who_knows_both_versions_reads_both() -> None:
    assert decode(Both, encode(Sent(text="a"))) == Sent(text="a")
    assert decode(Both, encode(SentAnew(text=["a"]))) == SentAnew(text=["a"])


@pytest.mark.parametrize("pack", [msgspec.json.encode, msgspec.msgpack.encode])
@pytest.mark.parametrize("kind", [Sent, Sent | Job])
def test_a_later_version_is_known_as_such(pack: object, kind: type) -> None:
    with pytest.raises(NewerSchema) as caught:
        decode(kind, pack(SentAnew(text=["a"])))  # type: ignore[operator]
    assert (caught.value.type, caught.value.code) == ("sent@2", "newer_schema")


@pytest.mark.parametrize(
    ("kind", "type", "newer"),
    [
        (Sent, "sent", False),  # it is this version's, and something else is wrong with it
        (Sent, "sent@1", False),
        (Sent, "sent@2", True),
        (Both, "sent@2", False),
        (Both, "sent@3", True),
        (SentAnew, "sent", False),  # an older one, that is not read any more
        (ClientMail, "thought_read", True),
        (NodeMail, "transcribed", False),
        (AnyClientEvent, "transcript.guessed", True),
        (NodeRecord, "NodeRecord@2", True),
        (NodeRecord, "client_seen", False),  # it has no business there
        (Sent, "", False),
        (Sent, "sent@", False),
        (Sent, "sent@0", False),
        (Sent, "a b", False),
    ],
)
def test_what_is_newer(kind: object, type: str, newer: bool) -> None:
    assert schema.is_newer(kind, type) is newer


@given(st.binary(max_size=40))
def test_rubbish_is_no_later_version(data: bytes) -> None:
    found = schema.opening(data)
    if not found.type:
        with pytest.raises(ProtocolViolation) as caught:
            decode(Sent, data)
        assert not isinstance(caught.value, NewerSchema)


def test_an_event_of_a_later_version_says_its_number() -> None:
    with pytest.raises(NewerSchema) as caught:
        decode(AnyClientEvent, b'{"type":"transcript.guessed","n":7,"text":"a"}')
    assert caught.value.n == 7


def test_a_field_that_was_added_is_ignored_by_who_does_not_know_it() -> None:
    assert decode(Sent, b'{"type":"sent","text":"a","colour":"blue"}') == Sent(text="a")
