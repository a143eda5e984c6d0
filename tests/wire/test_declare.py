from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nats.js.errors import ServiceUnavailableError

from tests import nats_server
from tests.inbox import disconnected, soon
from tests.nats_server import NatsServer
from wire import declare, subjects, topology
from wire.bus import Bus
from wire.errors import NatsUnavailable
from wire.messages import ClientSeen


async def test_the_server_has_what_the_topology_says(bus: Bus) -> None:
    for stream in topology.STREAMS:
        config = (await bus._js.stream_info(stream.name)).config
        assert sorted(config.subjects or ()) == sorted(stream.subjects)
        assert (config.retention, config.storage, config.discard) == (stream.retention, stream.storage, stream.discard)
        assert (config.max_age, config.max_bytes) == (stream.max_age_s, stream.max_bytes)
        assert config.duplicate_window == min(stream.dedup_s, stream.max_age_s or stream.dedup_s)
        assert config.max_msgs_per_subject == stream.per_subject
        assert bool(config.republish) == bool(stream.republish_to)
    for bucket in topology.BUCKETS:
        config = (await bus._js.stream_info(f"KV_{bucket.name}")).config
        assert (config.max_age, config.max_bytes, config.max_msgs_per_subject) == (bucket.ttl_s, bucket.max_bytes, 1)
    names = {info.config.name for info in await bus._js.streams_info()}
    assert names == {config.name for config in declare.streams()}


async def test_a_stream_of_an_earlier_version_is_brought_up_to_date(bus: Bus) -> None:
    config = (await bus._js.stream_info(subjects.EVENTS)).config
    config.max_age = 30
    config.duplicate_window = 20
    await bus._js.update_stream(config)
    await bus.store(subjects.event("s1"), ClientSeen())
    await bus.declare()
    info = await bus._js.stream_info(subjects.EVENTS)
    assert info.config.max_age == 600
    assert info.state.messages == 1


async def test_all_may_declare_at_once(server: NatsServer) -> None:
    async with Bus.connect(server.url, "a") as one, Bus.connect(server.url, "b") as two:
        await one.declare()
        await two.declare()


async def test_streams_of_another_program_are_named_as_such(server: NatsServer) -> None:
    async with Bus.connect(server.url, "test") as bus:
        await bus._js.add_stream(name="OTHER", subjects=["job.>"])
        with pytest.raises(NatsUnavailable, match=r"subjects overlap.*nats stream ls") as refused:
            await bus.declare()
        assert not refused.value.retryable


async def test_a_stream_of_our_name_and_another_kind_is_named_as_such(server: NatsServer) -> None:
    async with Bus.connect(server.url, "test") as bus:
        await bus._js.add_stream(name=subjects.JOBS, subjects=["elsewhere"], storage="memory")
        with pytest.raises(NatsUnavailable, match="a stream could not be made"):
            await bus.declare()


async def test_a_server_without_jetstream_is_told_how_to_have_it(tmp_path: Path) -> None:
    with nats_server.running(tmp_path, flags=()) as server:
        async with Bus.connect(server.url, "test") as bus:
            with pytest.raises(NatsUnavailable, match="JetStream is off: start nats-server with -js") as refused:
                await bus.declare()
    assert not refused.value.retryable


async def test_an_account_without_jetstream_is_told_too(tmp_path: Path) -> None:
    config = tmp_path / "accounts.conf"
    config.write_text("jetstream {}\naccounts { A { users: [{user: a, password: a}] } }\nno_auth_user: a\n")
    with nats_server.running(tmp_path, ["-c", str(config)]) as server:
        async with Bus.connect(server.url, "test") as bus:
            with pytest.raises(NatsUnavailable, match="JetStream is off"):
                await bus.declare()


async def test_too_little_room_for_the_streams_is_told(tmp_path: Path) -> None:
    config = tmp_path / "small.conf"
    config.write_text("jetstream { max_file_store: 100MB }\n")
    with nats_server.running(tmp_path, ["-c", str(config)]) as server:
        async with Bus.connect(server.url, "test") as bus:
            with pytest.raises(NatsUnavailable, match=r"deploy/nats/dragoman\.conf"):
                await bus.declare()


async def test_a_server_that_goes_away_meanwhile_is_waited_for_and_then_named(server: NatsServer, bus: Bus) -> None:
    lost = disconnected(bus)
    server.kill()
    await soon(lost)
    bus._js._timeout = bus._js._jsm._timeout = 0.1
    with pytest.raises(NatsUnavailable, match="JetStream does not answer"):
        await bus.declare(patience=0.3)


async def test_everything_has_a_limit() -> None:
    for config in declare.streams():
        assert config.max_bytes is not None
        assert config.max_bytes > 0, f"{config.name} may grow without bound"
    for stream in topology.STREAMS:
        goes = stream.max_age_s or stream.message_ttl or stream.retention == "workqueue"
        assert goes, f"{stream.name} keeps messages for ever"
    queue = declare.queue("pool-p", "job.pool.p", in_flight=3)
    assert queue.max_ack_pending == 3
    assert queue.max_deliver == topology.MAX_DELIVER + 1


async def test_a_server_whose_jetstream_is_not_ready_yet_is_waited_for(server: NatsServer) -> None:
    """So answers a cluster that is electing a leader."""
    async with Bus.connect(server.url, "test") as bus:
        real, refused = bus._js.add_stream, 0

        async def add_stream(*arguments: Any, **options: Any) -> Any:
            nonlocal refused
            if refused < 2:
                refused += 1
                raise ServiceUnavailableError
            return await real(*arguments, **options)

        bus._js.add_stream = add_stream  # type: ignore[method-assign]
        with pytest.raises(NatsUnavailable, match="JetStream does not answer"):
            await bus.declare(patience=0)
        await bus.declare()
        assert await bus.newest(subjects.MAILBOX) == 0
