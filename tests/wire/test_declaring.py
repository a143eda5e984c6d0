"""What declares and who waits; test_declare.py has what is declared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import nats_server
from tests.inbox import beside, disconnected, soon
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import declare, subjects
from wire.bus import Bus
from wire.connection import REFUSALS_KEPT
from wire.errors import NatsUnavailable
from wire.messages import ClientSeen

LIMITED = """
jetstream {}
authorization {
    default_permissions: {
        publish: ["$JS.API.STREAM.NAMES", "$JS.API.STREAM.CREATE.MAILBOX", "$JS.API.STREAM.INFO.JOBS"],
        subscribe: ["_INBOX_test.>"]
    }
    users: [{user: a, password: a}]
}
"""


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[str]:
    """The address of a server that lets its user do next to nothing."""
    config = tmp_path / "limited.conf"
    config.write_text(LIMITED)
    with nats_server.running(tmp_path, ["-c", str(config)]) as server:
        yield f"nats://a:a@127.0.0.1:{server.port}"


async def test_who_waits_goes_on_when_another_has_declared(server: NatsServer) -> None:
    async with Bus.connect(server.url, "ingress") as ingress, Bus.connect(server.url, "scheduler") as scheduler:
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(ingress.declared())
            await scheduler.declare()
        assert waiting.done()


async def test_who_waits_in_vain_is_told_what_is_missing(server: NatsServer) -> None:
    async with Bus.connect(server.url, "ingress") as ingress:
        with pytest.raises(NatsUnavailable, match=r"start a scheduler.*\(missing: MAILBOX, JOBS, ") as refused:
            await ingress.declared(0.3)
        assert refused.value.retryable
        assert await ingress._js.streams_info() == []


async def test_what_is_taken_away_is_made_again(bus: Bus) -> None:
    async def there() -> bool:
        return len(await bus._js.streams_info()) == len(list(declare.streams()))

    async with beside(bus.keep_declared(0.05)):
        await bus._js.delete_stream(subjects.RECORDED)
        await bus._js.delete_stream(f"KV_{subjects.KEYS_KV}")
        await until(there)


async def test_looking_outlives_an_absence_of_the_server(server: NatsServer, bus: Bus) -> None:
    lost = disconnected(bus)
    bus._js._timeout = 0.1
    async with beside(bus.keep_declared(0.01)) as looking:
        server.kill()
        await soon(lost)
        await asyncio.wait({looking}, timeout=0.5)
        assert not looking.done()


async def test_what_the_server_forbids_is_named(limited: str, caplog: pytest.LogCaptureFixture) -> None:
    async with Bus.connect(limited, "test") as bus:
        bus._js._timeout = 0.3
        with pytest.raises(NatsUnavailable, match=r"publish to \"\$js\.api\.stream\.create\.jobs\"") as refused:
            await bus.declare()
        assert not refused.value.retryable
        with pytest.raises(NatsUnavailable, match=r"does not let this process write event\.s1: permissions violation"):
            await bus.store(subjects.event("s1"), ClientSeen(), patience=0.3)
        with pytest.raises(NatsUnavailable, match=r"about MAILBOX: permissions violation .*stream\.info\.mailbox"):
            await bus.newest(subjects.MAILBOX)
        with pytest.raises(NatsUnavailable, match=r"about pool-p: permissions violation .*pool-p\.job\.pool\.p"):
            await bus.declare_queue(subjects.JOBS, subjects.pool_consumer("p"), subjects.job_pool("p"), 1)
        await bus.subscribe(subjects.LIVE_ALL, lambda _: None)

        async def told() -> bool:
            return bool(bus.refusal(0, subjects.LIVE_ALL))

        await until(told)
        for number in range(REFUSALS_KEPT + 1):
            await bus.publish(subjects.live(f"s{number}"), ClientSeen())

        async def forgotten() -> bool:
            return bool(bus.refusal(0, f"live.s{REFUSALS_KEPT}")) and not bus.refusal(0, '"live.*"')

        await until(forgotten)
        assert bus.refusal(bus.refused) == bus.refusal(0, "elsewhere") == ""


async def test_a_process_that_may_not_hear_its_answers_is_told_so(limited: str) -> None:
    async with Bus.connect(limited, "ingress") as bus:
        bus._js._timeout = 0.3
        for _ in range(2):
            with pytest.raises(NatsUnavailable, match='subscription to "_inbox_ingress'):
                await bus.newest(subjects.JOBS)
