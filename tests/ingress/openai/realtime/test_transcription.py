"""Transcription sessions, over the SDK's own client, against an actor that says what is written here."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from openai import OpenAI
from openai.types.realtime import ConversationItemInputAudioTranscriptionCompletedEvent

from ingress.media import g711
from ingress.openai.realtime import transcription
from tests.ingress.openai.realtime.ears import Script
from tests.ingress.openai.realtime.talk import NO_KEY, talking
from tests.ingress.stand_in import Actor
from wire.messages import AudioCleared, FinalizeRequested, LanguagesChanged
from wire.options import Correction, Endpointing
from wire.protocol import (
    ErrorTold,
    SessionClosed,
    TranscriptFinal,
    TranscriptPartial,
    UtteranceDropped,
    UtteranceEmpty,
    UtteranceEnded,
    UtteranceStarted,
)

TENTH_S = bytes(4800)
TRANSCRIPTION = "conversation.item.input_audio_transcription"


def final(utterance: int, text: str, start: float = 0.1, end: float = 0.9, **more: Any) -> TranscriptFinal:
    return TranscriptFinal(utterance=utterance, text=text, language="en", start=start, end=end, **more)


async def test_an_utterance_from_its_first_word_to_its_transcript(url: str, script: Script) -> None:
    async with talking(url) as talk:
        created = await talk.until("session.created")
        assert created["session"]["type"] == "transcription"
        await talk.append(10 * TENTH_S)
        await script.opened()
        await script.audio(0.88)  # the resampler holds the rest of the ten tenths back, and never as much as one
        await script.live(UtteranceStarted(utterance=1, start=0.4))
        await script.live(TranscriptPartial(utterance=1, committed="And so my", tentative="fellow"))
        await script.live(UtteranceEnded(utterance=1, start=0.4, end=0.9))
        await script.live(TranscriptPartial(utterance=1, committed="And so my fellow", tentative=""))
        await script.tell(final(1, "And so, my fellow Americans.", corrected=[Correction(1, "so", "so,")]))
        completed = await talk.until(f"{TRANSCRIPTION}.completed")
    assert talk.types == [
        "session.created",
        "input_audio_buffer.speech_started",
        f"{TRANSCRIPTION}.delta",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{TRANSCRIPTION}.delta",
        f"{TRANSCRIPTION}.delta",
        f"{TRANSCRIPTION}.completed",
    ]
    assert [each["delta"] for each in talk.all(f"{TRANSCRIPTION}.delta")] == ["And so my", " fellow", " Americans."]
    assert completed["transcript"] == "And so, my fellow Americans."
    assert completed["usage"] == {"type": "duration", "seconds": 0.8}
    assert talk.events[1]["audio_start_ms"] == 100
    assert talk.events[3]["audio_end_ms"] == 1000, "the silence that ended it is part of it, as far as it was sent"
    assert {each.get("item_id", completed["item_id"]) for each in talk.events} == {completed["item_id"]}
    assert talk.events[4]["previous_item_id"] is None
    assert talk.events[5]["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert len({each["event_id"] for each in talk.events}) == len(talk.events)


async def test_the_session_asks_for_what_was_configured(url: str, actor: Actor, script: Script) -> None:
    async with talking(url) as talk:
        updated = await talk.configure(
            format={"type": "audio/pcm", "rate": 24000},
            transcription={"model": "gpt-4o-transcribe", "language": "fr", "prompt": "Dragoman, Silero"},
            turn_detection={
                "type": "server_vad",
                "threshold": 0.6,
                "prefix_padding_ms": 200,
                "silence_duration_ms": 700,
            },
            noise_reduction=None,
        )
        given = updated["session"]["audio"]["input"]
        assert given["transcription"] == {
            "model": "gpt-4o-transcribe", "language": "fr", "prompt": "Dragoman, Silero", "keywords": [],
        }  # fmt: skip
        await talk.append(TENTH_S)
        opened = await script.opened()
        assert opened.source == "fr"
        assert opened.options.boundaries
        assert opened.options.captions
        assert opened.options.glossary.words == ["Dragoman", "Silero"]
        assert opened.options.endpointing == Endpointing(threshold=0.6, silence_s=0.7, pre_roll_s=0.2)
        await talk.say(type="session.update", session={"type": "transcription", "audio": {"input": {
            "transcription": {"language": None}, "turn_detection": None}}})  # fmt: skip
        await talk.until("session.updated", count=2)
        _, heard = actor.only()
        await actor.until(lambda: any(isinstance(mail, LanguagesChanged) for mail in heard.mail))
        (changed,) = (mail for mail in heard.mail if isinstance(mail, LanguagesChanged))
        assert changed.source == "auto"
        assert changed.options.endpointing == Endpointing(manual=True)
        assert changed.options.glossary.words == ["Dragoman", "Silero"], "what was not named stays"


@pytest.mark.parametrize("format", ["audio/pcm", "audio/pcmu", "audio/pcma"])
async def test_audio_arrives_as_it_was_sent_in_whatever_pieces(
    url: str, actor: Actor, script: Script, format: str
) -> None:
    """A tone, so that what the resampler does with it shows its level and its pitch."""
    rate = 24_000 if format == "audio/pcm" else 8000
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.int16)
    encode: dict[str, Callable[[Any], bytes]] = {
        "audio/pcm": lambda samples: bytes(samples.tobytes()),
        "audio/pcmu": g711.encode_mulaw,
        "audio/pcma": g711.encode_alaw,
    }
    data = encode[format](tone)
    async with talking(url) as talk:
        await talk.configure(format={"type": format} | ({"rate": rate} if rate == 24_000 else {}))
        for start in range(0, len(data), 1111):  # samples are torn
            await talk.append(data[start : start + 1111])
        await talk.connection.input_audio_buffer.commit()
        await script.opened()
        _, heard = actor.only()
        await actor.until(lambda: any(isinstance(mail, FinalizeRequested) for mail in heard.mail))
        pcm = np.frombuffer(bytes(heard.pcm), np.int16).astype(float)
    assert 0 <= 16_000 - len(pcm) < 1200, "the filter holds some back"
    spectrum = np.abs(np.fft.rfft(pcm[2000:14_000]))
    assert abs(int(spectrum.argmax()) * 16_000 / 12_000 - 440) < 3
    assert abs(pcm[2000:14_000].std() / tone.std() - 1) < 0.03


async def test_a_client_that_ends_utterances_itself(url: str, actor: Actor, script: Script) -> None:
    async with talking(url) as talk:
        await talk.configure(turn_detection=None)
        await talk.append(5 * TENTH_S)
        await talk.connection.input_audio_buffer.commit()
        await script.opened()
        await script.live(UtteranceStarted(utterance=1, start=0.0))
        await script.live(UtteranceEnded(utterance=1, start=0.0, end=0.5))
        first = await talk.until("input_audio_buffer.committed")
        await script.tell(UtteranceEmpty(utterance=2, reason="no_speech", start=0.5, end=1.0))
        second = await talk.until("input_audio_buffer.committed", previous_item_id=first["item_id"])
        assert second["item_id"] != first["item_id"]
        await talk.until(f"{TRANSCRIPTION}.completed", item_id=second["item_id"], transcript="")
        assert "input_audio_buffer.speech_started" not in talk.types
        assert "input_audio_buffer.speech_stopped" not in talk.types
        _, heard = actor.only()
        await actor.until(lambda: len(heard.pcm) >= 2 * 16_000 * 0.5)  # silence pushes out what the filter holds
        with_event_id = {"type": "input_audio_buffer.commit", "event_id": "mine"}
        await talk.say(**with_event_id)
        error = await talk.until("error")
        assert (error["error"]["code"], error["error"]["event_id"]) == ("input_audio_buffer_commit_empty", "mine")


async def test_a_commit_that_finds_nobody_speaking_is_answered(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcription, "COMMIT_ANSWER_S", 0.3)
    async with talking(url) as talk:
        await talk.connection.input_audio_buffer.commit(event_id="first")
        await talk.until("error")
        await talk.append(TENTH_S)
        await talk.connection.input_audio_buffer.commit(event_id="second")  # the actor finds an utterance
        await talk.until("input_audio_buffer.committed")
        await talk.append(TENTH_S)
        await talk.connection.input_audio_buffer.commit(event_id="third")  # and this time none that is new
        await talk.until("error", count=2)
    answered = [(each["error"]["event_id"], each["error"]["code"]) for each in talk.all("error")]
    assert answered == [(name, "input_audio_buffer_commit_empty") for name in ("first", "third")]


async def test_what_is_cleared_is_stopped_and_never_becomes_an_item(url: str, actor: Actor, script: Script) -> None:
    async with talking(url) as talk:
        await talk.connection.input_audio_buffer.clear()
        await talk.until("input_audio_buffer.cleared")
        await talk.append(5 * TENTH_S)
        await script.opened()
        await script.live(UtteranceStarted(utterance=1, start=0.3))
        started = await talk.until("input_audio_buffer.speech_started")
        await talk.connection.input_audio_buffer.clear()
        await talk.until("input_audio_buffer.cleared", count=2)
        _, heard = actor.only()
        await actor.until(lambda: any(isinstance(mail, AudioCleared) for mail in heard.mail))
        await script.live(UtteranceDropped(utterance=1))
        await script.live(UtteranceStarted(utterance=1, start=0.5))
        again = await talk.until("input_audio_buffer.speech_started", count=2)
    assert again["item_id"] != started["item_id"]
    assert [each["item_id"] for each in talk.all("input_audio_buffer.speech_stopped")] == [started["item_id"]]
    assert "input_audio_buffer.committed" not in talk.types


async def test_an_utterance_that_failed_says_so_and_the_next_one_goes_on(url: str, script: Script) -> None:
    async with talking(url) as talk:
        await talk.append(5 * TENTH_S)
        await script.opened()
        await script.live(UtteranceStarted(utterance=1, start=0.1))
        await script.tell(ErrorTold(utterance=1, code="engine_failed", message="it broke", retryable=False))
        failed = await talk.until(f"{TRANSCRIPTION}.failed")
        assert failed["error"] == {
            "type": "server_error",
            "code": "engine_failed",
            "message": "it broke",
            "param": None,
        }
        await script.tell(final(2, "Hello."))
        completed = await talk.until(f"{TRANSCRIPTION}.completed")
    committed = [each["item_id"] for each in talk.all("input_audio_buffer.committed")]
    assert committed == [failed["item_id"], completed["item_id"]]


async def test_who_speaks_the_old_dialect_is_answered_in_it(url: str, script: Script) -> None:
    async with talking(url, headers={"OpenAI-Beta": "realtime=v1"}) as talk:
        created = await talk.until("transcription_session.created")
        assert created["session"]["input_audio_format"] == "pcm16"
        await talk.say(type="transcription_session.update", session={
            "input_audio_format": "g711_ulaw", "turn_detection": {"threshold": 0.4},
            "input_audio_transcription": {"model": "whisper-1", "language": "en"}})  # fmt: skip
        updated = await talk.until("transcription_session.updated")
        assert updated["session"]["input_audio_format"] == "g711_ulaw"
        assert updated["session"]["turn_detection"]["threshold"] == 0.4
        await talk.append(bytes(800))
        await script.opened()
        await script.tell(final(1, "Hello."))
        await talk.until(f"{TRANSCRIPTION}.completed")
    assert talk.all("conversation.item.created")
    assert not talk.all("conversation.item.added")


async def test_what_cannot_be_is_refused_by_name_and_changes_nothing(url: str, script: Script) -> None:
    async with talking(url) as talk:
        for given, code, param in (
            ({"noise_reduction": {"type": "near_field"}}, "unsupported_value", "noise_reduction"),
            ({"transcription": {"model": "tts-1"}}, "invalid_value", "transcription.model"),
            ({"transcription": {"model": "gpt-9"}}, "model_not_found", "transcription.model"),
            ({"transcription": {"model": "whisper-1", "language": "xx"}}, "language_unsupported", None),
            ({"format": {"type": "audio/pcm", "rate": 16000}}, "invalid_value", "format.rate"),
        ):
            await talk.say(
                type="session.update", event_id=str(given), session={"type": "transcription", "audio": {"input": given}}
            )
            error = (await talk.until("error", count=len(talk.all("error")) + 1))["error"]
            assert (error["code"], error["event_id"]) == (code, str(given))
            assert error["param"] == (f"session.audio.input.{param}" if param else None)
        await talk.append(TENTH_S)
        assert (await script.opened()).source == "auto"
        await talk.say(type="session.update", session={"type": "transcription", "audio": {"input": {
            "format": {"type": "audio/pcmu"}}}})  # fmt: skip
        error = (await talk.until("error", count=6))["error"]
        assert error["param"] == "session.audio.input.format"


async def test_a_session_that_is_ended_elsewhere_closes_the_socket(url: str, script: Script) -> None:
    async with talking(url) as talk:
        await talk.append(TENTH_S)
        await script.opened()
        await script.tell(SessionClosed(reason="operator", utterances=0))
        assert (await talk.until("(closed)"))["code"] == 1000


async def test_the_synchronous_client(url: str, script: Script) -> None:
    def transcribe() -> str:
        client = OpenAI(api_key=NO_KEY, base_url=url + "/v1")
        with client, client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
            assert connection.recv().type == "session.created"
            connection.session.update(
                session={"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
            )
            connection.input_audio_buffer.append(audio=base64.b64encode(TENTH_S).decode())
            for event in connection:
                if isinstance(event, ConversationItemInputAudioTranscriptionCompletedEvent):
                    return event.transcript
        raise AssertionError

    async with asyncio.TaskGroup() as group:
        transcript = group.create_task(asyncio.to_thread(transcribe))
        await script.opened()
        await script.tell(final(1, "Hello."))
    assert transcript.result() == "Hello."
