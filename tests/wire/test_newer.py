from __future__ import annotations

import pytest
import structlog

from wire import newer
from wire.bus import Bus
from wire.errors import NewerSchema, ProtocolViolation
from wire.kv import Bucket
from wire.messages import Message, decode
from wire.metrics import MESSAGES_NEWER
from wire.records import LeaseRecord


class LaterLease(Message, frozen=True, kw_only=True, tag="LeaseRecord@2", omit_defaults=False):
    instance: list[str]


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newer, "_told", {})


def count(what: str) -> float:
    return float(MESSAGES_NEWER.labels(what)._value.get())


def error(type: str) -> NewerSchema:
    with pytest.raises(NewerSchema) as caught:
        decode(LeaseRecord, b'{"type":"%s"}' % type.encode())
    return caught.value


def test_a_later_version_is_counted_each_time_and_told_once() -> None:
    before = count("mail")
    with structlog.testing.capture_logs() as logs:
        for type in ("LeaseRecord@2", "LeaseRecord@2", "LeaseRecord@3"):
            assert newer.met("mail", error(type))
        assert newer.met("job", error("LeaseRecord@2"))
    assert count("mail") - before == 3
    assert [(line["what"], line["type"]) for line in logs] == [
        ("mail", "LeaseRecord@2"), ("mail", "LeaseRecord@3"), ("job", "LeaseRecord@2")
    ]  # fmt: skip


def test_what_is_only_wrong_is_somebody_elses_business() -> None:
    assert not newer.met("mail", ProtocolViolation("wrong"))


def test_what_was_told_is_remembered_within_bounds() -> None:
    for number in range(2, 2 * newer.REMEMBERED):
        newer.met("mail", error(f"LeaseRecord@{number}"))
    assert len(newer._told) == newer.REMEMBERED


async def test_a_value_of_a_later_version_is_left_to_those_who_know_it(bus: Bus) -> None:
    mine, theirs = Bucket(bus, "partitions", LeaseRecord), Bucket(bus, "partitions", LaterLease)
    await theirs.put("7", LaterLease(instance=["a", "b"]))
    await mine.put("8", LeaseRecord(instance="c"))
    before = count("record")
    assert list(await mine.items()) == ["8"]
    assert count("record") == before + 1
    assert await mine.create("7", LeaseRecord(instance="c")) is None
    with pytest.raises(NewerSchema):
        await mine.get("7")
    assert await theirs.get("7") == LaterLease(instance=["a", "b"])
