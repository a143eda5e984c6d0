from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import nats_server
from tests.inbox import Inbox, disconnected, reconnected, soon
from tests.nats_server import NatsServer
from wire import subjects
from wire.bus import Bus
from wire.connection import PENDING_BYTES
from wire.errors import NatsUnavailable
from wire.messages import AudioChunk, ClientSeen

BIG = AudioChunk(first=0, last=0, pcm=b"\0" * 128_000, speech=b"")


async def refusal(url: str, patience: float = 0.4) -> str:
    with pytest.raises(NatsUnavailable) as caught:
        async with Bus.connect(url, "test", patience=patience):
            pytest.fail(f"connected to {url}")
    return str(caught.value)


@pytest.mark.parametrize("url", ["nats://", "nats://:x", "nats://host:port", "nats://[::1", "ws://a,nats://b"])
async def test_what_is_no_address_is_said_to_be_none(url: str) -> None:
    told = await refusal(url)
    assert "is no NATS address" in told
    assert "nats://127.0.0.1:4222" in told


async def test_a_missing_server_is_named_without_its_password() -> None:
    told = await refusal("nats://me:secret@127.0.0.1:1")
    assert told == "no NATS server answers at nats://127.0.0.1:1: start one, or give --nats-url"


async def test_another_kind_of_server_is_told_from_nats() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        assert "is no NATS server" in await refusal(f"nats://127.0.0.1:{port}")


async def test_a_wrong_password_is_told_from_a_missing_server(tmp_path: Path) -> None:
    with nats_server.running(tmp_path, ["--user", "me", "--pass", "right"]) as server:
        told = await refusal(f"nats://me:wrong@127.0.0.1:{server.port}")
        assert "refuses the user or password" in told
        assert "wrong" not in told
        async with Bus.connect(f"nats://me:right@127.0.0.1:{server.port}", "test") as bus:
            assert bus.connected
            assert not bus.has_jetstream


async def test_tls_is_not_given_up_without_a_word(server: NatsServer) -> None:
    told = await refusal(server.url.replace("nats://", "tls://"), patience=5)
    assert told.endswith("asks for TLS, and the server there speaks none")


async def test_a_certificate_that_cannot_be_trusted_is_named(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: no certificate can be made")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    request = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=localhost",
    ]
    making = await asyncio.create_subprocess_exec(
        "openssl", *request, "-keyout", key, "-out", certificate, stderr=subprocess.DEVNULL
    )
    assert await making.wait() == 0
    with nats_server.running(tmp_path, ["--tls", "--tlscert", certificate, "--tlskey", key]) as server:
        assert "certificate was refused" in await refusal(server.url, patience=1.5)


async def test_the_server_says_what_it_is(bus: Bus) -> None:
    assert bus.connected
    assert bus.has_jetstream
    assert bus.max_payload == 4 * 1024 * 1024
    assert tuple(map(int, bus.server_version.split(".")[:2])) >= (2, 12)


async def test_what_is_published_while_the_server_is_away_arrives_when_it_is_back(server: NatsServer, bus: Bus) -> None:
    heard = Inbox()
    await bus.subscribe(subjects.LIVE_ALL, heard)
    lost, back = disconnected(bus), reconnected(bus)
    server.kill()
    await soon(lost)
    for number in range(20):
        await bus.publish(subjects.live(f"s{number}"), ClientSeen())
    server.start()
    await soon(back)
    await bus.publish(subjects.live("last"), ClientSeen())
    await heard.until(21)
    assert [m.subject for m in heard] == [f"live.s{number}" for number in range(20)] + ["live.last"]
    assert bus.reconnects == 1


async def test_what_no_longer_fits_into_the_buffer_is_dropped_and_counted(server: NatsServer, bus: Bus) -> None:
    lost = disconnected(bus)
    server.kill()
    await soon(lost)
    before = bus.errors
    for _ in range(PENDING_BYTES // 128_000 + 10):
        await bus.publish(subjects.live("s"), BIG)
    assert bus._nc.pending_data_size <= PENDING_BYTES
    assert bus.errors >= before + 9


async def test_a_server_that_stands_still_is_left_and_found_again(server: NatsServer) -> None:
    async with Bus.connect(server.url, "test", watch=0.2) as bus:
        heard = Inbox()
        await bus.subscribe(subjects.LIVE_ALL, heard)
        back = reconnected(bus)
        server.pause()
        asyncio.get_running_loop().call_later(1.0, server.go_on)
        await soon(back)
        await bus.publish(subjects.live("s"), ClientSeen())
        await heard.until(1)


async def test_a_read_loop_that_died_behind_a_connection_that_stands_is_noticed(server: NatsServer) -> None:
    async with Bus.connect(server.url, "test", watch=0.1) as bus:
        heard = Inbox()
        await bus.subscribe(subjects.LIVE_ALL, heard)
        back = reconnected(bus)
        assert bus._nc._reading_task is not None
        bus._nc._reading_task.cancel()
        assert bus.connected
        await soon(back)
        await bus.publish(subjects.live("s"), ClientSeen())
        await heard.until(1)


async def test_a_server_that_dies_while_it_is_asked_is_found_again(server: NatsServer) -> None:
    async with Bus.connect(server.url, "test", watch=0.6) as bus:
        back, loop = reconnected(bus), asyncio.get_running_loop()
        server.pause()
        loop.call_later(0.7, server.kill)  # the question is out since 0.6
        loop.call_later(1.3, server.start)
        await soon(back)
        assert bus.connected


async def test_a_server_that_answers_is_left_alone(server: NatsServer) -> None:
    async with Bus.connect(server.url, "test", watch=0.02) as bus:
        real, asked = bus._nc.flush, asyncio.Semaphore(0)

        async def flush(timeout: int = 10) -> None:
            await real(timeout)
            asked.release()

        bus._nc.flush = flush  # type: ignore[method-assign]
        async with asyncio.timeout(10):
            for _ in range(10):
                await asked.acquire()
        assert bus.reconnects == 0


async def test_a_url_of_websockets_is_watched_without_its_socket(server: NatsServer) -> None:
    async with Bus.connect(server.url, "test") as bus:
        kept, bus._nc._transport = bus._nc._transport, None
        bus._abort()
        bus._nc._transport = kept
        assert bus.connected


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # nats-py forgets sockets of vain attempts
async def test_another_server_is_found_although_much_is_written_to_one_that_stands_still(tmp_path: Path) -> None:
    """Closing a socket waits until its buffer has gone out: here it never does."""
    with nats_server.running(tmp_path / "a") as one, nats_server.running(tmp_path / "b") as two:
        async with Bus.connect(f"{one.url},{two.url}", "test", watch=0.3) as bus:
            url = bus._nc.connected_url
            assert url is not None
            first, second = (one, two) if url.port == one.port else (two, one)
            back = reconnected(bus)
            first.pause()
            for _ in range(150):
                await bus.publish(subjects.live("s"), BIG)
            await soon(back)
            url = bus._nc.connected_url
            assert url is not None
            assert url.port == second.port


async def test_a_connection_that_the_server_closes_for_good_ends_the_block(tmp_path: Path) -> None:
    config = tmp_path / "few.conf"
    config.write_text("max_subscriptions: 2\n")

    async def subscribe_too_often(url: str) -> None:
        async with Bus.connect(url, "test") as bus:
            for number in range(4):
                await bus.subscribe(subjects.live(f"s{number}"), Inbox())
            await soon(asyncio.Event())

    wrong = pytest.raises(NatsUnavailable, match=r"for good.*maximum subscriptions")
    with nats_server.running(tmp_path, ["-c", str(config)]) as server, wrong:
        await subscribe_too_often(server.url)


async def test_errors_of_the_block_pass_unchanged(server: NatsServer) -> None:
    with pytest.raises(TimeoutError, match="mine"):
        async with Bus.connect(server.url, "test"):
            raise TimeoutError("mine")


async def test_leaving_while_the_server_is_away_is_quick(server: NatsServer) -> None:
    async with asyncio.timeout(5):
        async with Bus.connect(server.url, "test") as bus:
            server.kill()
            await bus.publish(subjects.live("s"), ClientSeen())
