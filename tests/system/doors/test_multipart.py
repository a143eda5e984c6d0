"""Forms that no client would send, byte by byte, at every door that takes one: each is answered in words, none with an
error of the server's, none keeps anybody waiting, and nothing of them stays."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.system.doors.house import House, exchange, footprint, shrunk_to, sound

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

DOORS = ("/v1/jobs", "/v1/audio/transcriptions", "/v1/audio/translations")
FORM = "multipart/form-data; boundary=b"
SOUND, PLACE = sound(0.2), b"(a sound)"

names = st.sampled_from(
    ["file", "model", "targets[]", "speech", "reference", "glossary", "", "x" * 300, 'a"b', "ä\u0000"]
)
boundaries = st.sampled_from(["b", "x" * 70, "x" * 300, "a b", "ä", "--", "", '"', "b;c=d", "b\t"])
dispositions = st.one_of(
    st.builds('form-data; name="{}"'.format, names),
    st.builds(
        'form-data; name="{}"; filename="{}"'.format, names, st.sampled_from(["", "a.wav", "../../x", "a" * 500])
    ),
    st.sampled_from(["form-data", "attachment", "", ";;;;", 'form-data; name="', "form-data; name*=utf-9''%ff%", "\0"]),
)
headers = st.one_of(
    st.builds("Content-Disposition: {}".format, dispositions),
    st.builds(
        "Content-Type: {}".format, st.sampled_from(["audio/wav", "multipart/mixed; boundary=b", "", "x", "a/b;" * 99])
    ),
    st.builds(
        "Content-Transfer-Encoding: {}".format, st.sampled_from(["base64", "quoted-printable", "gzip", "8bit", "é"])
    ),
    st.sampled_from(
        ["Content-Encoding: gzip", "Content-Length: -1", "Content-Length: 9" + "9" * 40, ": x", "x", "x:" + "y" * 9000]
    ),
)
bodies = st.one_of(
    st.binary(max_size=60), st.just(PLACE), st.just(b"whisper-1"), st.just(b"\r\n--b\r\n"), st.just(b"[[[[")
)
ends = st.sampled_from(["\r\n", "\n", "\r", ""])


@st.composite
def parts(draw: st.DrawFn, boundary: str) -> bytes:
    end = draw(ends.filter(bool)) if draw(st.integers(0, 9)) == 0 else "\r\n"
    lines = draw(st.lists(headers, max_size=4))
    head = "".join(f"{line}{end}" for line in [f"--{boundary}", *lines, ""])
    return head.encode() + draw(bodies) + draw(ends).encode()


@st.composite
def mangled(draw: st.DrawFn) -> tuple[str, bytes]:
    """A right request, but for some bytes."""
    path = draw(st.sampled_from(DOORS))
    field = "targets" if path == "/v1/jobs" else "model"
    body = bytearray(
        f'--b\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n'.encode()
        + (b"en" if field == "targets" else b"whisper-1")
        + b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
        + PLACE
        + b"\r\n--b--\r\n"
    )
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.sampled_from([0, 1, 1, 2, 20]))] = draw(st.binary(max_size=3) | st.just(b"\r\n"))
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {FORM}\r\n", bytes(body)


@st.composite
def wild(draw: st.DrawFn) -> tuple[str, bytes]:
    """Head and body of a request in which anything may be wrong."""
    boundary = draw(boundaries)
    body = b"".join(draw(st.lists(parts(boundary), max_size=5)))
    body += draw(st.sampled_from([f"--{boundary}--\r\n", f"--{boundary}--", f"--{boundary}", ""])).encode()
    kind = draw(
        st.sampled_from(
            [
                f"multipart/form-data; boundary={boundary}",
                f'multipart/form-data; boundary="{boundary}"',
                "multipart/form-data",
                f"multipart/mixed; boundary={boundary}",
                "application/json",
                "",
            ]
        )
    )
    more = draw(
        st.sampled_from(["", "Content-Encoding: gzip\r\n", "Idempotency-Key: a\r\n", "Content-Encoding: br\r\n"])
    )
    path = draw(st.sampled_from(DOORS))
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}Content-Type: {kind}\r\n", body


def tried(house: House, count: int) -> list[bytes]:
    """Answers to so many."""
    answered: list[bytes] = []

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(mangled() | wild())
    def one(request: tuple[str, bytes]) -> None:
        head, body = request[0], request[1].replace(PLACE, SOUND)
        head += f"Authorization: Bearer {house.ours}\r\nContent-Length: {len(body)}\r\n\r\n"
        answer = asyncio.run(exchange(house.url, head.encode() + body))
        status = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
        assert status, (request, answer)
        assert 200 <= int(status[1]) < 500, (request, answer)
        assert int(status[1]) < 300 or int(status[1]) == 400 or b'{"error"' in answer, (request, answer)
        answered.append(answer)

    one()
    return answered


async def test_any_form_is_answered_and_nothing_stays(house: House) -> None:
    await asyncio.to_thread(tried, house, 20)
    before = await footprint(house)
    answered = await asyncio.to_thread(tried, house, 100)
    assert any(b" 400 " in each for each in answered)
    assert any(b" 202 " in each or b" 200 " in each for each in answered), "some are right"
    now = await shrunk_to(house, before)
    assert now.memory_mb < before.memory_mb + 40


@pytest.mark.parametrize("path", DOORS)
async def test_who_hangs_up_in_the_middle_leaves_nothing(house: House, path: str) -> None:
    before = await footprint(house)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {house.ours}\r\nContent-Length: 10000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    )
    for _ in range(20):
        host, _, port = house.url.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.encode() + bytes(200_000))
        await writer.drain()
        writer.transport.abort()
    await shrunk_to(house, before)
    assert (await house.ask("GET", "/v1/jobs"))[0] == 200


async def test_what_is_hardly_http_is_refused(house: House) -> None:
    key = f"Authorization: Bearer {house.ours}\r\nHost: localhost\r\n"
    for request in (
        b"GET /" + b"a" * 100_000,
        b"GET / HTTP/1.1\r\nx: " + b"a" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 50_000,
        f"POST /v1/jobs HTTP/1.1\r\n{key}Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 200000\r\n"
        "\r\n--b\r\nContent-Disposition: ".encode() + b"a" * 200_000,
        f"POST /v1/jobs HTTP/1.1\r\n{key}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode(),
        f"POST /v1/jobs HTTP/1.1\r\n{key}Content-Type: {FORM}\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n"
        "--b--".encode(),
        f"POST /v1/jobs HTTP/1.1\r\n{key}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600),
    ):  # fmt: skip
        answer = await exchange(house.url, request, patience=15)
        assert answer == b"" or re.match(rb"HTTP/1\.[01] 4\d\d ", answer), (request[:80], answer[:200])
