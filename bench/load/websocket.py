"""The client's side of a WebSocket (RFC 6455), for thousands of them in one process: a protocol, no task, no queue.

Nothing is compressed. Frames are masked with the key 0, which the RFC allows to nobody who has something to hide from
proxies, and leaves the payload as it is: a load generator sends the same audio thousands of times, and must not spend
its time on masking. What a server sends is checked no more than is needed to read it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct
from typing import Protocol, cast
from urllib.parse import urlsplit

from wire.audio import BYTES_PER_SAMPLE

KEY = base64.b64encode(b"dragoman's bench").decode()
ACCEPT = base64.b64encode(hashlib.sha1(f"{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FINAL, MASKED = 0x80, 0x80
LONGEST_HEAD = 65_536
ABNORMAL = 1006

_number = struct.Struct("<I")


class Ear(Protocol):
    """Who is told what comes."""

    def opened(self) -> None:
        """Messages may be sent."""

    def denied(self, status: int, body: bytes) -> None:
        """The server answered with HTTP instead."""

    def text(self, data: bytes) -> None: ...

    def binary(self, data: bytes) -> None: ...

    def lost(self, code: int) -> None:
        """The connection is no more; `code` as in the close frame, or ABNORMAL."""


def greeting(url: str, key: str) -> bytes:
    """The HTTP request that asks for a WebSocket at `url` (http://host:port/path)."""
    parts = urlsplit(url)
    lines = [
        f"GET {parts.path or '/'}{'?' + parts.query if parts.query else ''} HTTP/1.1",
        f"Host: {parts.netloc}", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13",
        *([f"Authorization: Bearer {key}"] if key else []), "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def frame(opcode: int, payload: bytes) -> bytes:
    return head(opcode, len(payload)) + payload


def head(opcode: int, length: int) -> bytes:
    """All of a frame but its payload."""
    if length < 126:
        return bytes((FINAL | opcode, MASKED | length, 0, 0, 0, 0))
    if length < 65_536:
        return struct.pack(">BBHI", FINAL | opcode, MASKED | 126, length, 0)
    return struct.pack(">BBQI", FINAL | opcode, MASKED | 127, length, 0)


def audio_head(pcm: bytes) -> bytes:
    """Of a frame with a chunk number and this much audio."""
    assert len(pcm) % BYTES_PER_SAMPLE == 0
    return head(BINARY, _number.size + len(pcm))


class Socket(asyncio.Protocol):
    """One connection. `transport` is there once TCP is."""

    __slots__ = ("_buffer", "_code", "_ear", "_greeting", "_open", "_parts", "transport")

    def __init__(self, ear: Ear, greeting: bytes) -> None:
        self._ear = ear
        self._greeting = greeting
        self._buffer = b""
        self._open = False
        self._code = ABNORMAL
        self._parts = b""
        self.transport: asyncio.Transport | None = None

    # --- sending ---

    def send(self, text: str) -> None:
        self.write(frame(TEXT, text.encode()))

    def audio(self, head: bytes, number: int, pcm: bytes) -> None:
        """A chunk; `head` is its `audio_head`."""
        self.write(b"".join((head, _number.pack(number), pcm)))

    def write(self, data: bytes) -> None:
        """What goes to a connection that is closing goes nowhere."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def close(self) -> None:
        """At once, without waiting for an answer."""
        self.write(frame(CLOSE, struct.pack(">H", 1000)))
        if self.transport is not None:
            self.transport.close()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none of asyncio's, and does the same
        self.transport.write(self._greeting)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._open and not self._upgraded():
            return
        buffer, at, end = self._buffer, 0, len(self._buffer)
        while end - at >= 2:
            first, length = buffer[at], buffer[at + 1] & 0x7F
            body = at + 2
            if length >= 126:
                size = 2 if length == 126 else 8
                if end - body < size:
                    break
                length, body = int.from_bytes(buffer[body : body + size], "big"), body + size
            if end - body < length:
                break
            at = body + length
            self._take(first, buffer[body:at])
        self._buffer = buffer[at:] if at else buffer

    def connection_lost(self, error: Exception | None) -> None:
        self._ear.lost(self._code)

    # --- what comes ---

    def _upgraded(self) -> bool:
        """Whether the server's HTTP answer has come, and is a WebSocket."""
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found and len(head) < LONGEST_HEAD:
            return False
        words = head.split(b" ", 2)
        status = int(words[1]) if len(words) > 2 and words[1].isdigit() else 0
        if status == 101 and ACCEPT in head:
            self._open, self._buffer = True, rest
            self._ear.opened()
            return True
        self._buffer = b""
        self._ear.denied(status, rest)
        self.close()
        return False

    def _take(self, first: int, payload: bytes) -> None:
        opcode = first & 0x0F
        if opcode == CLOSE:
            self._code = int.from_bytes(payload[:2], "big") or ABNORMAL
            self.close()
        elif opcode == PING:
            self.write(frame(PONG, payload))
        elif opcode in (TEXT, BINARY, 0):
            if not first & FINAL:  # in pieces, from some proxy; the kind of the whole stands before the first
                self._parts = self._parts + payload if opcode == 0 else bytes((opcode,)) + payload
                return
            if opcode == 0:
                opcode, payload, self._parts = self._parts[0], self._parts[1:] + payload, b""
            (self._ear.text if opcode == TEXT else self._ear.binary)(payload)
