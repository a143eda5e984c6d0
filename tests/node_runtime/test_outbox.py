from __future__ import annotations

from typing import Any

import pytest

from node_runtime.outbox import Outbox, what
from tests.nats_server import NatsServer
from tests.node_runtime.conftest import hearing, job
from wire import bus as wire_bus
from wire.bus import Bus
from wire.jobs import SpeechChunk
from wire.messages import (
    FoundEmpty,
    JobDone,
    JobStarted,
    NodeMessage,
    SpeechStarted,
    StageFailed,
    Transcribed,
    Translated,
)

ABOUT: dict[str, Any] = {"job": "s.1", "utterance": 1, "attempt": 2, "node": "n1"}
WORK = job("s", 1, b"", attempt=2)


def chunk(sequence: int) -> SpeechChunk:
    return SpeechChunk(job="s.1", attempt=2, sequence=sequence, sample_rate=8000, pcm=bytes(10))


async def test_everything_is_stored_in_order_and_a_second_time_changes_nothing(bus: Bus) -> None:
    said: list[tuple[str, NodeMessage | SpeechChunk]] = [
        ("", Transcribed(text="a", language="fr", **ABOUT)),
        ("en", Translated(target="en", text="b", **ABOUT)),
        ("en", chunk(0)),
        ("en", SpeechStarted(target="en", sample_rate=8000, **ABOUT)),
        ("en", chunk(1)),
        ("", JobDone(seconds={}, **ABOUT)),
    ]
    async with hearing(bus, "s") as heard:
        for _ in range(2):
            outbox = Outbox(bus, WORK)
            for target, message in said:
                outbox.put(target, message)
            outbox.close()
            assert await outbox.deliver() is None
        await heard.until_done(1)
    assert [type(each) for each in heard.mail] == [Transcribed, Translated, SpeechStarted, JobDone]
    assert [(target, each.sequence) for target, each in heard.speech] == [("en", 0), ("en", 1)]


async def test_what_cannot_be_stored_voids_the_rest(
    server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(wire_bus.Bus.store.__kwdefaults__ or {}, "patience", 0.2)
    server.kill()
    outbox = Outbox(bus, WORK)
    outbox.put("", FoundEmpty(reason="noise", **ABOUT))
    outbox.put("", JobDone(seconds={}, **ABOUT))
    outbox.close()
    reason = await outbox.deliver()
    assert reason is not None
    assert "was not stored" in reason


def test_each_result_of_an_attempt_has_an_id_of_its_own() -> None:
    def failed(stage: Any, target: str | None) -> StageFailed:
        return StageFailed(stage=stage, code="c", message="m", retryable=False, target=target, **ABOUT)

    names = [
        what(Translated(target="en", text="", **ABOUT)),
        what(Translated(target="de", text="", **ABOUT)),
        what(failed("asr", None)),
        what(failed("translate", "en")),
        what(failed("speech", "en")),
        what(FoundEmpty(reason="noise", **ABOUT)),
    ]
    assert len(set(names)) == len(names)
    with pytest.raises(TypeError, match="JobStarted"):
        what(JobStarted(**ABOUT))
