from __future__ import annotations

import json
import struct

import pytest

from tests.page.browser import Page
from wire import protocol
from wire.messages import decode

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


SEAT = protocol.Seat(code="K7MQ3RTX", name="Anna", language="fr", have={"m1": 4})


async def test_audio_is_number_then_samples(modules: Page) -> None:
    message = await modules.ask(
        "protocol", "return [...new Uint8Array(protocol.encodeAudio(4000000000, Int16Array.of(1, -2, 32767)))]"
    )
    assert bytes(message) == struct.pack("<Ihhh", 4_000_000_000, 1, -2, 32767)


async def test_a_speech_frame_is_read(modules: Page) -> None:
    frame = struct.pack("<BB2xIII16s3h", 1, 5, 7, 2, 22_050, b"zh", 0, 16384, -32768)
    told = await modules.ask(
        "protocol",
        f"""const frame = protocol.decodeSpeech(Uint8Array.from({list(frame)}).buffer);
            return {{...frame, samples: [...frame.samples]}}""",
    )
    assert told == {
        "speaker": 5, "utterance": 7, "sequence": 2, "rate": 22_050, "target": "zh", "samples": [0, 0.5, -1],
    }  # fmt: skip


@pytest.mark.parametrize("frame", [b"", b"\1" * 31, struct.pack("<B3xIII16s", 2, 7, 0, 22_050, b"en")])
async def test_frames_that_are_no_speech_are_ignored(modules: Page, frame: bytes) -> None:
    assert await modules.ask("protocol", f"return protocol.decodeSpeech(Uint8Array.from({list(frame)}).buffer)") is None


@pytest.mark.parametrize("text", ["", "{", "null", "3", '"x"', '{"no":"type"}', '{"type":3}'])
async def test_what_is_no_event_is_ignored(modules: Page, text: str) -> None:
    assert await modules.ask("protocol", f"return protocol.decodeEvent({json.dumps(text)})") is None


async def test_what_the_page_says_is_what_the_server_reads(modules: Page) -> None:
    said = await modules.ask(
        "protocol",
        """
        const wanted = {source: "auto", targets: ["en"], speech: true};
        const id = {session: 1, utterance: 3, target: "en"};
        const room = {code: "K7MQ3RTX", name: "Anna", language: "fr", speech: true, have: {m1: 4}};
        const place = {session: "s1", token: "t", n: 7, heard: [{utterance: 3, target: "en", chunks: 5}]};
        return [protocol.sessionStart(wanted, 48000), protocol.sessionResume(place, 48000),
                protocol.sessionUpdate(wanted), protocol.utteranceFinalize(),
                protocol.speechPlaying(id, 500), protocol.speechPlayed(id), protocol.sessionClose(),
                protocol.sessionStart({...wanted, targets: ["en", "fr"], between: ["en", "fr"]}, 16000),
                protocol.sessionStart({...wanted, live: ["en"], room}, 16000),
                protocol.sessionResume(place, 16000, room), protocol.roomJoin(room, "t"), protocol.roomUpdate(room),
                protocol.sessionUpdate({...wanted, room}),
                protocol.speechPlaying({...id, speaker: "m1"}, 1), protocol.speechPlayed({...id, speaker: "m1"})];
        """,
    )
    assert [decode(protocol.AnyClientRequest, text.encode()) for text in said] == [
        protocol.StartRequest(source="auto", targets=["en"], sample_rate=48_000, speech=True),
        protocol.ResumeRequest(
            session="s1",
            token="t",
            n=7,
            sample_rate=48_000,
            heard=[protocol.SpeechHeard(utterance=3, target="en", chunks=5)],
        ),
        protocol.UpdateRequest(source="auto", targets=["en"], speech=True, between=[]),
        protocol.FinalizeRequest(),
        protocol.PlayingRequest(utterance=3, target="en", seconds=120),
        protocol.PlayedRequest(utterance=3, target="en"),
        protocol.CloseRequest(),
        protocol.StartRequest(source="auto", between=["en", "fr"]),
        protocol.StartRequest(source="auto", room=SEAT),
        protocol.ResumeRequest(
            session="s1", token="t", n=7, heard=[protocol.SpeechHeard(utterance=3, target="en", chunks=5)], room=SEAT
        ),
        protocol.JoinRequest(room=SEAT, token="t"),
        protocol.SeatRequest(name="Anna", language="fr", speech=True),
        protocol.UpdateRequest(source="auto"),
        protocol.PlayingRequest(utterance=3, target="en", seconds=1, speaker="m1"),
        protocol.PlayedRequest(utterance=3, target="en", speaker="m1"),
    ]
