"""What no client would say over a WebSocket, at every door that is one: the server answers with an error or closes, in
time, says nothing that is not in its protocol, and whoever speaks beside that is not disturbed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cli.events import UnknownEvent, read_event, read_frame
from tests.cli.command import Ended, ended, started
from tests.system.doors.house import House, exchange, footprint, shrunk_to, sound
from wire.protocol import AnyClientRequest, ErrorTold

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

SOCKETS = ("/v1/stream", "/v1/realtime?intent=transcription", "/v1/realtime/translations")
PATIENCE_S = 10

TYPES = [str(kind.__struct_config__.tag) for kind in AnyClientRequest.__args__] + [
    "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
    "session.input_audio_buffer.append", "conversation.item.create", "x", "",
]  # fmt: skip
FIELDS = sorted({name for kind in AnyClientRequest.__args__ for name in kind.__struct_fields__}
                | {"audio", "event_id", "session", "type"})  # fmt: skip

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20) | st.sampled_from(["en", "fr", "auto", "AAAA", "transcription", "pcm16"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip
objects = st.builds(
    lambda kind, fields: msgspec.json.encode({**fields, "type": kind}).decode(errors="replace"),
    st.sampled_from(TYPES), st.dictionaries(st.sampled_from(FIELDS), values, max_size=4),
)  # fmt: skip
OPENINGS = [
    '{"type":"session.start","source":"fr","targets":["en"]}',
    '{"type":"session.update","session":{"type":"transcription"}}',
    '{"type":"session.update","session":{"audio":{"output":{"language":"en"}}}}',
]
texts = (
    objects
    | st.text(max_size=40)
    | st.sampled_from([*OPENINGS, "[" * 20_000, "{}", "null", '{"type":"session.close"}'])
)
frames = st.builds(lambda number, pcm: struct.pack("<I", number) + pcm, st.integers(0, 3) | st.integers(0, 2**32 - 1),
                   st.binary(max_size=64) | st.just(bytes(3200)))  # fmt: skip
said = st.lists(texts | frames | st.binary(max_size=9), max_size=8)


async def conversed(house: House, path: str, begins: bool, messages: list[str | bytes]) -> None:
    """All said; then what nobody could understand, which must be answered or be too late."""
    key = {"Authorization": f"Bearer {house.ours}"}
    async with (
        asyncio.timeout(PATIENCE_S),
        aiohttp.ClientSession(headers=key) as http,
        http.ws_connect(house.url + path, max_msg_size=0) as socket,
    ):
        with contextlib.suppress(ConnectionError):
            for message in [*([OPENINGS[SOCKETS.index(path)]] if begins else []), *messages, "{"]:
                await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
        async for told in socket:
            if told.type is aiohttp.WSMsgType.BINARY:
                assert not isinstance(read_frame(told.data), UnknownEvent)
            elif path != "/v1/stream":
                if msgspec.json.decode(told.data)["type"] == "error":
                    return
            else:
                event = read_event(told.data)
                assert not isinstance(event, UnknownEvent)
                if isinstance(event, ErrorTold):
                    return
        assert socket.close_code is not None
        assert socket.close_code != 1011, "which is an error of the server's"


def talked(house: House, count: int) -> None:
    @settings(max_examples=count, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(path=st.sampled_from(SOCKETS), begins=st.booleans(), messages=said)
    def one(path: str, begins: bool, messages: list[str | bytes]) -> None:
        asyncio.run(conversed(house, path, begins, messages))

    one()


@contextlib.asynccontextmanager
async def undisturbed(house: House, folder: Path) -> AsyncIterator[None]:
    """Somebody speaks meanwhile, and loses nothing."""
    file = folder / "speech.wav"
    file.write_bytes(sound(8))
    speaker = await started(
        "stream", str(file), "--url", house.url, "--target", "en", "--json", DRAGOMAN_KEY=house.theirs
    )
    yield
    result: Ended = await ended(speaker)
    assert result.code == 0, result
    (summary,) = result.of("summary")
    assert (summary["lost"], summary["audio_s"]) == (0, 8.0)


async def test_any_messages_are_answered_and_nobody_else_is_disturbed(house: House, tmp_path: Path) -> None:
    await asyncio.to_thread(talked, house, 20)
    before = await footprint(house)
    async with undisturbed(house, tmp_path):
        await asyncio.to_thread(talked, house, 250)
    now = await shrunk_to(house, before)
    assert now.memory_mb < before.memory_mb + 40


@pytest.mark.parametrize("path", SOCKETS)
async def test_bytes_that_are_no_frames(house: House, path: str) -> None:
    before = await footprint(house)
    head = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {house.ours}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    wrong = [
        b"\x81\x05hello",  # not masked
        b"\xf1\x80" + bytes(4),  # reserved bits
        b"\x83\x80" + bytes(4),  # no such opcode
        b"\x89\xfe\x00\x80" + bytes(132),  # a ping that is too long
        b"\x00\x80" + bytes(4),  # the rest of nothing
        b"\x81\xff" + b"\xff" * 12,  # longer than can be
        b"\x88\x81" + bytes(5),  # a close with half a code
        b"\x88\x82" + bytes(4) + b"\x00\x01",  # a close with a code that there is not
        b"\x81\x82" + bytes(4) + b"\xff\xfe",  # no UTF-8
        b"\xc1\x82" + bytes(4) + b"\x00\x00",  # compressed, which was not agreed upon
        *(bytes([0x81, 0x80 | 20]) + os.urandom(24) for _ in range(5)),
    ]
    for each in wrong:
        answer = await exchange(house.url, head + each + b"\x88\x80" + bytes(4), PATIENCE_S + 5)
        assert re.match(rb"HTTP/1\.1 101 ", answer), answer
        assert b"\x03\xf3" not in answer, "1011 is an error of the server's"
    await shrunk_to(house, before)
