"""Translating sessions, over a bare WebSocket, against an actor and a node that say what is written here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.ingress.openai.realtime.ears import Script
from tests.ingress.openai.realtime.raw import connected
from tests.ingress.stand_in import Actor
from wire import subjects
from wire.jobs import SpeechChunk
from wire.messages import CloseRequested, LanguagesChanged
from wire.protocol import (
    ErrorTold,
    SpeechBegan,
    SpeechMissing,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
    TranslationPartial,
)

PATH = "/v1/realtime/translations?model=gpt-realtime-translate"
FIFTH_S = bytes(9600)
SAID, RENDERED = "session.input_transcript.delta", "session.output_transcript.delta"


async def test_speech_goes_in_and_comes_out_in_another_language(url: str, actor: Actor, script: Script) -> None:
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050)).astype(np.int16).tobytes()
    async with connected(url, PATH) as client:
        created = await client.until("session.created")
        assert created["session"]["audio"]["output"] == {"language": "en"}
        assert created["session"]["model"] == "gpt-realtime-translate"
        await client.say(type="session.update", session={"audio": {
            "output": {"language": "en"}, "input": {"transcription": {"model": "gpt-realtime-whisper"}}}})  # fmt: skip
        updated = await client.until("session.updated")
        assert updated["session"]["audio"]["input"]["transcription"] == {"model": "gpt-realtime-whisper"}
        for _ in range(3):
            await client.append(FIFTH_S)
        opened = await script.opened()
        assert (opened.source, opened.targets, opened.speech) == ("auto", ["en"], True)
        assert opened.options.live == ["en"]
        await script.live(TranscriptPartial(utterance=1, committed="Bonjour", tentative="à"))
        await script.live(TranslationPartial(utterance=1, target="en", committed="Hello", tentative="to"))
        await script.tell(TranscriptFinal(utterance=1, text="Bonjour à tous.", language="fr", start=0, end=0.5))
        await script.tell(TranslationFinal(utterance=1, target="en", text="Hello everybody."))
        session, heard = actor.only()
        await actor.speak(session, 1, "en", [tone[:20_000], tone[20_000:]])
        await client.say(type="session.close", event_id="last")
        await actor.until(lambda: any(isinstance(mail, CloseRequested) for mail in heard.mail))
        await client.until("session.closed")
        assert (await client.until("(closed)"))["code"] == 1000
    assert client.text(SAID) == "Bonjour à tous."
    assert client.text(RENDERED) == "Hello everybody."
    assert client.types[-2:] == ["session.closed", "(closed)"]
    spoken = np.frombuffer(client.audio, np.int16).astype(float)
    assert abs(len(spoken) - 24_000) <= 2, "what the filter held came, too"
    assert abs(int(np.abs(np.fft.rfft(spoken)).argmax()) * 24_000 / len(spoken) - 440) < 2
    sounds = client.all("session.output_audio.delta")
    assert {(each["sample_rate"], each["channels"], each["format"]) for each in sounds} == {(24_000, 1, "pcm16")}
    assert all(each["elapsed_ms"] == 600 for each in sounds)


async def test_what_was_said_is_told_to_those_who_asked(url: str, script: Script) -> None:
    async with connected(url, PATH) as client:
        await client.append(FIFTH_S)
        await script.opened()
        await script.tell(TranscriptFinal(utterance=1, text="Bonjour.", language="fr", start=0, end=0.5))
        await script.tell(TranslationFinal(utterance=1, target="en", text="Hello."))
        await client.until(RENDERED)
    assert client.all(SAID) == []


async def test_the_language_may_change_and_what_nobody_serves_is_refused(
    url: str, actor: Actor, script: Script
) -> None:
    async with connected(url, PATH) as client:
        await client.say(type="session.update", event_id="a", session={"audio": {"output": {"language": "ja"}}})
        refused = (await client.until("error"))["error"]
        assert (refused["code"], refused["event_id"]) == ("language_unsupported", "a")
        await client.append(FIFTH_S)
        await script.opened()
        await client.say(type="session.update", session={"audio": {"output": {"language": "de"}}})
        await client.until("session.updated")
        _, heard = actor.only()
        await actor.until(lambda: any(isinstance(mail, LanguagesChanged) for mail in heard.mail))
        (changed,) = (mail for mail in heard.mail if isinstance(mail, LanguagesChanged))
        assert (changed.targets, changed.options.live) == (["de"], ["de"])


async def test_what_fails_is_told_and_the_session_goes_on(url: str, script: Script) -> None:
    async with connected(url, PATH) as client:
        await client.append(FIFTH_S)
        await script.opened()
        await script.tell(ErrorTold(utterance=1, target="en", code="translation_failed", message="no", retryable=False))
        await script.tell(SpeechMissing(utterance=2, target="en", reason="no voice"))
        await script.tell(SpeechMissing(utterance=3, target="en", reason="no voice"))
        await script.tell(TranslationFinal(utterance=2, target="en", text="Hello."))
        await client.until(RENDERED, delta="Hello.")
    assert [each["error"]["code"] for each in client.all("error")] == ["translation_failed", "voice_unavailable"]


async def test_speech_that_breaks_off_is_heard_as_far_as_it_goes(url: str, actor: Actor, script: Script) -> None:
    async with connected(url, PATH) as client:
        await client.append(FIFTH_S)
        session = (await script.opened()).session
        chunk = SpeechChunk(job="j", attempt=1, sequence=0, sample_rate=22_050, pcm=bytes(4410))
        await actor.bus.store(subjects.speech(session, 1, "en"), chunk)
        await script.tell(SpeechBegan(utterance=1, target="en", sample_rate=22_050))
        await script.tell(ErrorTold(utterance=1, target="en", code="speech_failed", message="no", retryable=False))
        await client.until("error")
    assert abs(len(client.audio) - 4800) <= 4
    assert client.types[-1] == "error"


async def test_a_session_without_audio_closes_at_once(url: str, actor: Actor) -> None:
    async with connected(url, PATH) as client:
        await client.say(type="session.close")
        assert (await client.until("(closed)"))["code"] == 1000
    assert client.types == ["session.created", "session.closed", "(closed)"]
    assert actor.sessions == {}


async def test_after_the_close_nothing_is_taken(url: str, actor: Actor, script: Script) -> None:
    async with connected(url, PATH) as client:
        await client.append(FIFTH_S)
        session = (await script.opened()).session
        actor.deaf.add(session)  # what is left takes a while
        await client.say(type="session.close")
        await client.say(type="session.input_audio_buffer.append", audio="AAAA", event_id="late")
        error = (await client.until("error"))["error"]
    assert (error["code"], error["event_id"]) == ("session_closing", "late")


@pytest.mark.parametrize(
    ("event", "param"),
    [
        ({"type": "input_audio_buffer.append", "audio": "AAAA"}, "type"),
        ({"type": "session.input_audio_buffer.append", "audio": "%%"}, "audio"),
        ({"type": "session.input_audio_buffer.append"}, "audio"),
        ({"type": "session.update", "session": {"audio": {"output": {"voice": "x"}}}}, "session.audio.output.voice"),
        ({"type": "response.create"}, "type"),
    ],
)
async def test_a_wrong_event_is_named_and_the_session_goes_on(url: str, event: dict[str, Any], param: str) -> None:
    async with connected(url, PATH) as client:
        await client.say(**event, event_id="wrong")
        error = (await client.until("error"))["error"]
        assert (error["event_id"], error["param"]) == ("wrong", param)
        await client.say(type="session.update", session={})
        await client.until("session.updated")
