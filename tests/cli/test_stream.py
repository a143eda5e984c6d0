from __future__ import annotations

import asyncio
import signal
import wave
from pathlib import Path

import pytest

from tests.cli.command import Ended, dragoman, ended, started
from tests.cli.scripted_server import Conversation, serving
from tests.cli.sound import tone, wav

NOBODY = "ws://127.0.0.1:1"


@pytest.fixture
def speech(tmp_path: Path) -> str:
    """A second of sound."""
    return str(wav(tmp_path / "speech.wav", 1.0))


async def played(url: str, file: str, *flags: str) -> Ended:
    return await dragoman("stream", file, "--url", url, "--speed", "10", "--json", *flags)


# --- all said -------------------------------------------------------------------------------------------------------


async def interpret(conversation: Conversation) -> None:
    """One utterance said in two languages, one empty."""
    await conversation.open()
    await conversation.listen()
    await conversation.tell_live("audio.ack", chunk=9)
    await conversation.tell_live("transcript.partial", utterance=1, committed="Bon", tentative="jour")
    await conversation.say(1, "Bonjour à tous")
    await conversation.translate(1, "en", "Hello everyone")
    await conversation.speak(1, "en", tone(0.2, 22_050), tone(0.1, 22_050))
    await conversation.tell("utterance.empty", utterance=2, reason="noise", start=1.0, end=2.0)
    await conversation.tell("later.event", wind=3)
    await conversation.closed(2)


async def test_json_is_one_event_a_line_and_a_summary_at_the_end(speech: str) -> None:
    async with serving(interpret) as url:
        result = await played(url, speech, "--source", "FR", "--target", "en")
    assert (result.code, result.complaints) == (0, "")
    assert [event["type"] for event in result.events] == [
        "session.started",
        "transcript.partial",
        "transcript.final",
        "translation.final",
        "speech.started",
        "speech.ended",
        "utterance.empty",
        "session.closed",
        "summary",
    ]
    opening, *events, summary = result.events
    assert opening["t"] == 0
    assert (opening["source"], opening["targets"], opening["speech"]) == ("fr", ["en"], True)
    assert all(isinstance(event["t"], float) and 0 < event["t"] < 30 for event in events)
    final = result.of("transcript.final")[0]
    assert {name: final[name] for name in ("utterance", "text", "language", "start", "end")} == {
        "utterance": 1, "text": "Bonjour à tous", "language": "fr", "start": 0.0, "end": 1.0,
    }  # fmt: skip
    assert result.of("speech.ended")[0]["seconds"] == pytest.approx(0.3)
    assert summary["audio_s"] == pytest.approx(1.0)
    assert (summary["utterances"], summary["lost"], summary["partials"]) == (2, 0, 1)
    assert 0 < summary["first_text_s"] < 10
    assert 0 <= summary["final_lag_s"] < 10


async def test_without_a_terminal_finals_are_plain_lines(speech: str) -> None:
    async with serving(interpret) as url:
        result = await dragoman("stream", speech, "--url", url, "--target", "en", "--speed", "10")
    assert result.code == 0
    lines = result.out.splitlines()
    assert [line.split(maxsplit=3)[2:] for line in lines[:3]] == [
        ["1", "fr  Bonjour à tous"],
        ["1", "en  Hello everyone"],
        ["2", "--  (noise)"],
    ]
    assert lines[3].startswith("1.0 s of audio, 2 utterances, first text after")
    assert "jour" not in result.out.replace("Bonjour", ""), "partials are for terminals"
    assert lines[3].endswith("nothing lost")


async def test_all_audio_arrives_in_order_and_in_real_time(speech: str) -> None:
    heard: list[Conversation] = []

    async def listen(conversation: Conversation) -> None:
        heard.append(conversation)
        await conversation.open()
        await conversation.listen()
        await conversation.closed(0)

    async with serving(listen) as url:
        result = await dragoman("stream", speech, "--url", url, "--json")
    conversation = heard[0]
    assert result.code == 0
    assert conversation.start["speech"] is False  # no target, so there is nothing to speak
    assert list(conversation.chunks) == list(range(10))
    assert b"".join(conversation.chunks.values()) == tone(1.0)
    assert conversation.said == ["session.close"]
    assert conversation.arrivals[-1] - conversation.arrivals[0] == pytest.approx(0.9, abs=0.3)


async def test_raw_audio_comes_through_stdin(speech: str) -> None:
    heard = bytearray()

    async def listen(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.listen()
        heard.extend(b"".join(conversation.chunks.values()))
        await conversation.closed(0)

    async with serving(listen) as url:
        result = await dragoman("stream", "-", "--url", url, "--speed", "10", "--json", stdin=tone(0.55) + b"\0")
    assert result.code == 0
    assert bytes(heard) == tone(0.55)
    assert result.events[-1]["audio_s"] == pytest.approx(0.55)


async def test_speech_is_saved_in_play_order(speech: str, tmp_path: Path) -> None:
    first, second = tone(0.2, 22_050), tone(0.1, 22_050)

    async def speak(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.listen()
        for utterance, pcm in ((1, first), (2, second)):
            await conversation.say(utterance, "x")
            for target in ("en", "de"):
                await conversation.translate(utterance, target, "y")
                await conversation.speak(utterance, target, pcm[:1000], pcm[1000:])
        await conversation.closed(2)

    async with serving(speak) as url:
        result = await played(
            url, speech, "--target", "en", "--target", "de", "--save-speech", str(tmp_path / "out.wav")
        )
    assert (result.code, result.events[-1]["lost"]) == (0, 0)
    assert result.events[-1]["speech_lag_s"] is not None
    for name in ("out.en.wav", "out.de.wav"):
        with wave.open(str(tmp_path / name)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22_050)
            assert file.readframes(1 << 20) == first + second


# --- 2: unusable ----------------------------------------------------------------------------------------------------


async def test_a_file_that_is_not_audio_is_refused_before_connecting(tmp_path: Path) -> None:
    file = tmp_path / "letter.mp3"
    file.write_text("Dear Sir or Madam,\n" * 50)
    result = await played(NOBODY, str(file))
    assert (result.code, result.out) == (2, "")
    assert result.complaint.startswith(f"dragoman stream: {file} is not audio")


async def test_an_empty_file_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    result = await played(NOBODY, str(tmp_path / "empty.wav"))
    assert (result.code, result.complaint.endswith("empty.wav is empty")) == (2, True)
    result = await played(NOBODY, str(tmp_path / "none.wav"))
    assert (result.code, "there is no file" in result.complaint) == (2, True)


async def test_empty_stdin_is_refused() -> None:
    result = await played(NOBODY, "-")
    assert (result.code, result.out) == (2, "")
    assert "stdin is empty" in result.complaint


# --- 3: refused -----------------------------------------------------------------------------------------------------


async def test_a_server_that_is_away_is_exit_code_3(speech: str) -> None:
    result = await played(NOBODY, speech)
    assert result.code == 3
    assert [event["type"] for event in result.events] == ["error", "summary"]
    assert (result.events[0]["code"], result.events[0]["retryable"]) == ("unreachable", True)
    assert NOBODY in result.events[0]["message"]


@pytest.mark.parametrize(
    ("code", "close"),
    [("no_node", 1013), ("too_many_sessions", 1013), ("language_unsupported", 4400), ("bad_start", 1003)],
)
async def test_a_refusal_is_told_and_exit_code_3(speech: str, code: str, close: int) -> None:
    async def refuse(conversation: Conversation) -> None:
        await conversation.hear_start()
        await conversation.tell_live("error", code=code, message="not now", retryable=close == 1013)
        await conversation.close(close)

    async with serving(refuse) as url:
        result = await dragoman("stream", speech, "--url", url)
    assert result.code == 3
    assert result.complaint == f"dragoman stream: not now ({code})"


async def test_a_close_without_a_word_before_the_start_is_a_refusal(speech: str) -> None:
    async def refuse(conversation: Conversation) -> None:
        await conversation.hear_start()
        await conversation.close(1013, "full")

    async with serving(refuse) as url:
        result = await played(url, speech)
    assert result.code == 3
    assert "1013: full" in result.events[0]["message"]


async def test_somebody_else_on_the_port_is_a_refusal(speech: str) -> None:
    async with serving(interpret) as url:
        result = await played(f"{url}/elsewhere", speech)
    assert result.code == 3
    assert "HTTP 404" in result.events[0]["message"]


# --- 4: lost --------------------------------------------------------------------------------------------------------


async def test_an_utterance_that_failed_is_exit_code_4(speech: str) -> None:
    async def fail(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.listen()
        await conversation.say(1, "x")
        await conversation.fail("translation_failed", utterance=1, target="en")
        await conversation.fail("engine_failed", utterance=2)
        await conversation.closed(2)

    async with serving(fail) as url:
        result = await played(url, speech, "--target", "en")
    assert result.code == 4
    assert result.events[-1]["lost"] == 2
    assert [event["code"] for event in result.of("error")] == ["translation_failed", "engine_failed"]
    assert result.of("error")[0] | {"t": 0, "n": 0} == {
        "type": "error", "t": 0, "n": 0, "code": "translation_failed", "message": "it did not work",
        "retryable": False, "utterance": 1, "target": "en",
    }  # fmt: skip


async def test_a_connection_that_is_lost_is_exit_code_4(speech: str) -> None:
    async def vanish(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.listen(0.3)
        conversation.drop()

    async with serving(vanish) as url:
        result = await played(url, speech)
    assert result.code == 4
    assert [event["type"] for event in result.events] == ["session.started", "error", "summary"]
    assert result.events[1]["code"] == "connection_lost"
    assert result.events[-1]["lost"] == 1


async def test_a_close_before_the_end_is_exit_code_4_and_tells_what_the_server_said(speech: str) -> None:
    async def end(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.listen(0.3)
        await conversation.tell_live("error", code="going_away", message="restarting", retryable=True)
        await conversation.close(1012)

    async with serving(end) as url:
        result = await played(url, speech)
    assert result.code == 4
    assert [event["code"] for event in result.of("error")] == ["going_away", "connection_lost"]


@pytest.mark.parametrize("skipped", [1, -1])
async def test_numbers_with_a_gap_or_a_repeat_are_exit_code_4(speech: str, skipped: int) -> None:
    async def skip(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.listen()
        await conversation.say(1, "x")
        await conversation.skip(skipped)
        await conversation.tell("later.event")
        await conversation.closed(1)

    async with serving(skip) as url:
        result = await played(url, speech)
    assert (result.code, result.events[-1]["lost"]) == (4, 1)


async def test_nonsense_from_the_server_ends_it_without_a_traceback(speech: str) -> None:
    async def babble(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.tell_live("transcript.final", utterance="one")
        await conversation.until_gone()

    async with serving(babble) as url:
        result = await dragoman("stream", speech, "--url", url)
    assert result.code == 4
    assert "protocol_violation" in result.complaint


# --- the end --------------------------------------------------------------------------------------------------------


async def test_ctrl_c_closes_the_session_and_prints_the_summary(tmp_path: Path) -> None:
    going, said = asyncio.Event(), []

    async def listen(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.listen(0.3)
        going.set()
        await conversation.listen()
        said.extend(conversation.said)
        await conversation.say(1, "as far as it went")
        await conversation.closed(1)

    async with serving(listen) as url:
        process = await started("stream", str(wav(tmp_path / "long.wav", 60.0)), "--url", url, "--json")
        async with asyncio.timeout(20):
            await going.wait()
        process.send_signal(signal.SIGINT)
        result = await ended(process)
    assert said == ["session.close"]
    assert result.code == 0
    assert [event["type"] for event in result.events][-3:] == ["transcript.final", "session.closed", "summary"]
    assert 0.3 <= result.events[-1]["audio_s"] < 20


async def test_a_second_ctrl_c_waits_for_nothing(speech: str) -> None:
    going, closing = asyncio.Event(), asyncio.Event()

    async def never_end(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.listen(0.3)
        going.set()
        await conversation.listen()
        closing.set()
        await conversation.until_gone()

    async with asyncio.timeout(60), serving(never_end) as url:
        process = await started("stream", speech, "--url", url, "--json")
        await going.wait()
        process.send_signal(signal.SIGINT)
        await closing.wait()
        process.send_signal(signal.SIGINT)
        result = await ended(process)
    assert result.code == 4
    assert result.events[-1]["type"] == "summary"


async def test_a_reader_that_goes_away_is_no_traceback(speech: str) -> None:
    async def wait(conversation: Conversation) -> None:
        await conversation.open()
        await closed.wait()
        await conversation.say(1, "nobody reads this")
        await conversation.until_gone()

    closed = asyncio.Event()
    async with asyncio.timeout(60), serving(wait) as url:
        process = await started("stream", speech, "--url", url, "--json")
        assert process.stdout is not None
        assert process.stderr is not None
        await process.stdout.readline()
        process.stdout._transport.close()  # type: ignore[attr-defined]
        closed.set()
        complaints = await process.stderr.read()
        await process.wait()
    assert process.returncode == 128 + signal.SIGPIPE
    assert complaints == b""
