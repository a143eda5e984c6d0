"""What each user may do, asked of a real server on deploy/nats/secured.conf over TLS; and that the rest is denied."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.site import Site
from tests.inbox import Inbox
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.connection import Connection
from wire.errors import NatsUnavailable, ProtocolViolation
from wire.messages import ClientMail, ClientSeen, decode

SESSION = "s1"
NAMES = {"ingress": "ingress", "scheduler": "scheduler", "exporter": "exporter", "operator": "keys"} | {
    "node-gpu-1": "node-gpu-1", "node-gpu-2": "node-gpu-2",
}  # fmt: skip
"""User -> name of its connection."""
CLIENT, CONTROL, RESULT = (subjects.mailbox(SESSION, side) for side in ("client", "control", "node"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Any:
    site = Site(tmp_path_factory.mktemp("site") / "nats")
    with site.running("secured.conf"):
        yield site


async def told(bus: Bus, before: int, words: str) -> None:
    async def so() -> bool:
        return bool(bus.refusal(before, words))

    try:
        await until(so, 3)
    except TimeoutError:
        pytest.fail(f"{bus.name} was not refused: {words}")


class Users(dict[str, Bus]):
    """A connection of each user."""

    async def denied(self, user: str, subject: str, payload: Any = None) -> None:
        """The server refuses that this user publishes there, in words that name the subject."""
        bus = self[user]
        before = bus.refused
        await bus._nc.publish(subject, json.dumps(payload or {}).encode())
        await told(bus, before, f'publish to "{subject}"')

    async def deaf(self, user: str, subject: str) -> None:
        bus = self[user]
        before = bus.refused
        await bus.subscribe(subject, Inbox())
        await told(bus, before, f'subscription to "{subject}"')

    async def api(self, user: str, subject: str, request: Any = None) -> Any:
        """JetStream's answer."""
        asked = json.dumps(request).encode() if request else b""
        return json.loads((await self[user]._nc.request(f"$JS.API.{subject}", asked, timeout=5)).data)


@pytest.fixture
async def users(site: Site) -> AsyncIterator[Users]:
    async with AsyncExitStack() as stack:
        found = Users()
        for user, name in NAMES.items():
            found[user] = await stack.enter_async_context(site.bus(user, name))
        await found["scheduler"].declare()
        yield found


async def test_a_node_writes_results_and_nothing_in_anothers_name(users: Users) -> None:
    await users["node-gpu-1"].store(RESULT, ClientSeen())
    await users["node-gpu-1"].store(subjects.speech(SESSION, 1, "en"), b"")
    for subject in (
        CLIENT, CONTROL, subjects.event(SESSION), subjects.live(SESSION), subjects.job_pool("default"),
        subjects.job_node("gpu-2"), subjects.batch("default"), subjects.recording("r"),
        "$KV.keys.k", "$KV.tokens.t", "$KV.tenants.acme", "$KV.admission.default", "$KV.lines.default.i1",
        "$KV.sessions.1.s1", "$KV.partitions.1", "$KV.nodes.gpu-2", "$KV.slots.gpu-2.0", "$O.uploads.C.x",
        subjects.stored(subjects.event(SESSION)),
    ):  # fmt: skip
        await users.denied("node-gpu-1", subject)


async def test_a_node_takes_nobody_elses_record_away(users: Users) -> None:
    one, other = users["node-gpu-1"], users["node-gpu-2"]
    await other.store("$KV.nodes.gpu-2", b"{}")
    with pytest.raises(NatsUnavailable, match="rollup not permitted"):
        await one.store("$KV.nodes.gpu-1", b"{}", headers={"Nats-Rollup": "all"}, patience=1)
    assert await other.last("KV_nodes", "$KV.nodes.gpu-2") is not None


async def test_a_node_hears_no_answer_but_its_own(users: Users) -> None:
    for subject in (
        "_INBOX_node.gpu-2.>", "_INBOX_node.>", "_INBOX_ingress.>", "_INBOX.>", ">", subjects.MAILBOX_ALL,
        subjects.STORED_ALL, subjects.LIVE_ALL, subjects.JOB_ALL,
    ):  # fmt: skip
        await users.deaf("node-gpu-1", subject)


async def test_a_node_reads_nobodys_words(users: Users) -> None:
    await users["ingress"].store(CLIENT, ClientSeen())
    for stream in (subjects.MAILBOX, subjects.EVENTS, subjects.JOBS, subjects.DEAD, "KV_keys", "KV_sessions"):
        await users.denied("node-gpu-1", f"$JS.API.STREAM.MSG.GET.{stream}", {"seq": 1})
        await users.denied("node-gpu-1", f"$JS.API.DIRECT.GET.{stream}", {"seq": 1})
        await users.denied("node-gpu-1", f"$JS.API.DIRECT.GET.{stream}.{CLIENT}")
        consumer = {"stream_name": stream, "config": {"deliver_subject": "_INBOX_node.gpu-1.x", "ack_policy": "none"}}
        await users.denied("node-gpu-1", f"$JS.API.CONSUMER.CREATE.{stream}", consumer)
        await users.denied("node-gpu-1", f"$JS.API.CONSUMER.CREATE.{stream}.mine.mailbox.>", consumer)
        consumer["config"]["durable_name"] = "mine"  # type: ignore[index]
        await users.denied("node-gpu-1", f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.mine", consumer)


async def test_a_node_takes_from_its_own_lane_and_pool_alone(users: Users) -> None:
    one, other = users["node-gpu-1"], users["node-gpu-2"]
    for bus, name in ((one, "gpu-1"), (other, "gpu-2")):
        await bus.declare_queue(subjects.JOBS, subjects.node_consumer(name), subjects.job_node(name), 10, 60)
        await bus.declare_queue(subjects.JOBS, subjects.pool_consumer("default"), subjects.job_pool("default"), 10)
    await users["scheduler"].store(subjects.job_node("gpu-2"), ClientSeen())
    for verb in ("CONSUMER.MSG.NEXT", "CONSUMER.DELETE", "CONSUMER.INFO"):
        await users.denied("node-gpu-1", f"$JS.API.{verb}.JOBS.{subjects.node_consumer('gpu-2')}")
    await users.denied("node-gpu-1", f"$JS.ACK.JOBS.{subjects.node_consumer('gpu-2')}.1.1.1.1.0")
    await users.denied("node-gpu-1", "$JS.API.CONSUMER.CREATE.JOBS.pool-default.job.>")
    taken = await other.take(subjects.JOBS, subjects.node_consumer("gpu-2"), 2)
    assert taken is not None
    await taken.ack()
    with pytest.raises(NatsUnavailable, match="permissions violation"):
        await one.declare_queue(subjects.JOBS, subjects.pool_consumer("other"), subjects.job_pool("other"), 10)
    # With the subject's filter, and another one in the request:
    config = {
        "durable_name": "pool-default",
        "name": "pool-default",
        "filter_subject": "job.>",
        "ack_policy": "explicit",
    }
    answer = await users.api(
        "node-gpu-1", "CONSUMER.CREATE.JOBS.pool-default.job.pool.default", {"stream_name": "JOBS", "config": config}
    )
    assert "filter" in answer["error"]["description"]
    await other.forget_queue(subjects.JOBS, subjects.node_consumer("gpu-2"))


@pytest.mark.parametrize("user", ["node-gpu-1", "ingress", "exporter", "scheduler"])
async def test_nobody_but_the_operator_takes_a_stream_away(users: Users, user: str) -> None:
    for subject in ("STREAM.DELETE.MAILBOX", "STREAM.DELETE.KV_keys", "STREAM.MSG.DELETE.JOBS", "ACCOUNT.PURGE.x"):
        await users.denied(user, f"$JS.API.{subject}")
    if user != "scheduler":
        await users.denied(user, "$JS.API.STREAM.CREATE.MAILBOX", {"name": "MAILBOX"})
        await users.denied(user, "$JS.API.STREAM.UPDATE.MAILBOX", {"name": "MAILBOX"})
        await users.denied(user, "$JS.API.STREAM.PURGE.KV_keys")


async def test_an_ingress_writes_what_clients_say_and_no_jobs_and_no_results(users: Users) -> None:
    await users["ingress"].declared()
    await users["ingress"].store(CLIENT, ClientSeen())
    for subject in (
        RESULT, subjects.job_pool("default"), subjects.job_node("gpu-1"),
        subjects.partial("default", SESSION), subjects.event(SESSION), subjects.speech(SESSION, 1, "en"),
        "$KV.keys.k", "$KV.tenants.acme", "$KV.nodes.gpu-1", "$KV.admission.default", "$KV.partitions.1",
        "$KV.sessions.1.s1", "$KV.bindings.s1.1",
    ):  # fmt: skip
        await users.denied("ingress", subject)
    for subject in (subjects.JOB_ALL, subjects.MAILBOX_ALL, "_INBOX_scheduler.>", "$KV.keys.>", ">"):
        await users.deaf("ingress", subject)
    for stream in (subjects.JOBS, subjects.MAILBOX, "KV_bindings"):
        consumer = {"stream_name": stream, "config": {"deliver_subject": "_INBOX_ingress.x"}}
        await users.denied("ingress", f"$JS.API.CONSUMER.CREATE.{stream}", consumer)


async def test_a_scheduler_runs_sessions_and_reads_no_keys(users: Users) -> None:
    for subject in (subjects.event(SESSION), subjects.job_pool("default"), "$KV.sessions.1.s1"):
        await users["scheduler"].store(subject, b"{}")
    for subject in (
        CLIENT,
        CONTROL,
        "$KV.keys.k",
        "$KV.tenants.acme",
        "$KV.nodes.gpu-1",
        subjects.speech("s", 1, "en"),
    ):
        await users.denied("scheduler", subject)
    for stream in ("KV_keys", "KV_tokens", "OBJ_uploads"):
        await users.denied("scheduler", f"$JS.API.STREAM.MSG.GET.{stream}", {"seq": 1})


async def test_an_exporter_takes_transcripts_and_nothing_else(users: Users) -> None:
    exporter = users["exporter"]
    await exporter.declare_queue(subjects.TRANSCRIPTS, subjects.EXPORTER, subjects.TRANSCRIPT_ALL, 10)
    assert await exporter.take(subjects.TRANSCRIPTS, subjects.EXPORTER, 0.1) is None
    for subject in (CLIENT, RESULT, subjects.event(SESSION), subjects.transcript("acme", SESSION), "$KV.keys.k"):
        await users.denied("exporter", subject)
    for stream in (subjects.MAILBOX, subjects.EVENTS, "KV_sessions", "KV_keys"):
        await users.denied("exporter", f"$JS.API.STREAM.MSG.GET.{stream}", {"seq": 1})
        await users.denied("exporter", f"$JS.API.CONSUMER.CREATE.{stream}", {"stream_name": stream})
    await users.deaf("exporter", ">")


async def test_an_operator_may_make_keys_end_sessions_and_look_everywhere(users: Users) -> None:
    for subject in (CONTROL, "$KV.keys.k", "$KV.tenants.acme", "$KV.drains.gpu-1"):
        await users["operator"].store(subject, b"{}")
    assert (await users.api("operator", "STREAM.INFO.MAILBOX"))["config"]["name"] == subjects.MAILBOX
    await users["operator"].declare()


async def test_strangers_and_those_who_speak_no_tls_stay_outside(site: Site, tmp_path: Path) -> None:
    stranger = Site(tmp_path / "elsewhere", nodes=())
    with pytest.raises(NatsUnavailable, match=r"does not know the user of .*node\.nk"):
        async with Connection.connect(site.url, "x", _login(stranger, "node", site.ca), patience=1):
            pass
    with pytest.raises(NatsUnavailable, match="wants nats_creds"):
        async with Connection.connect(site.url, "x", _login(site, "", site.ca), patience=1):
            pass
    with pytest.raises(NatsUnavailable, match="certificate was refused"):
        async with Connection.connect(site.url, "x", _login(site, "ingress", stranger.ca), patience=1):
            pass


def _login(site: Site, user: str, ca: str) -> Any:
    from wire import login
    from wire.env import Settings

    return login.of(Settings(nats_creds=str(site.folder / f"{user}.nk") if user else "", nats_ca=ca))


async def test_what_permissions_do_not_stop(users: Users) -> None:
    """deploy/nats/README.md says so: no server checks the subject on which a request wants its answer. So a node can
    have answers put where it may not publish; but none whose words are its own, for those of DIRECT.GET it may not ask.
    A server that checks would fail this test, and the page could say less."""
    client = subjects.mailbox("elsewhere", "client")
    stored = await users["node-gpu-1"].store("$KV.nodes.gpu-1", b"{}")
    asked = {"seq": stored.sequence}
    await users.denied("node-gpu-1", "$JS.API.DIRECT.GET.KV_nodes", asked)
    await users.denied("node-gpu-1", "$JS.API.DIRECT.GET.KV_nodes.$KV.nodes.gpu-1")
    get = "$JS.API.STREAM.MSG.GET.KV_nodes"
    await users["node-gpu-1"]._nc.publish(get, json.dumps(asked).encode(), reply=client)

    async def there() -> bool:
        return await users["scheduler"].last(subjects.MAILBOX, client) is not None

    await until(there)
    found = await users["scheduler"].last(subjects.MAILBOX, client)
    assert found is not None
    with pytest.raises(ProtocolViolation):
        decode(ClientMail, found.data)


async def test_a_node_has_nothing_delivered_where_it_may_not_publish(users: Users) -> None:
    client, stolen = subjects.mailbox("elsewhere2", "client"), f"$KV.{subjects.KEYS_KV}.evil"
    await users["node-gpu-1"].store(subjects.job_node("gpu-1"), ClientSeen())
    for target in (client, stolen):
        config = {"name": "node-gpu-1", "durable_name": "node-gpu-1", "filter_subject": subjects.job_node("gpu-1")}
        where = f"CONSUMER.CREATE.JOBS.node-gpu-1.{subjects.job_node('gpu-1')}"
        pushed = config | {"deliver_subject": target, "ack_policy": "explicit"}
        await users.api("node-gpu-1", where, {"stream_name": subjects.JOBS, "config": pushed})
        await users["node-gpu-1"].forget_queue(subjects.JOBS, subjects.node_consumer("gpu-1"))
        await users.api(
            "node-gpu-1", where, {"stream_name": subjects.JOBS, "config": config | {"ack_policy": "explicit"}}
        )
        await users["node-gpu-1"]._nc.publish("$JS.API.CONSUMER.MSG.NEXT.JOBS.node-gpu-1", b"", reply=target)
    await users["node-gpu-1"].forget_queue(subjects.JOBS, subjects.node_consumer("gpu-1"))
    mine = subjects.mailbox("elsewhere2", "node")
    await users["node-gpu-1"].store(mine, ClientSeen())  # what was said before this has come, or comes not
    assert await users["operator"].last(subjects.MAILBOX, client) is None
    assert await users["operator"].last(f"KV_{subjects.KEYS_KV}", stolen) is None


async def test_all_that_is_denied_is_denied_while_others_work(users: Users) -> None:
    """A refusal costs nobody the connection."""
    await users.denied("ingress", RESULT)
    async with asyncio.timeout(5):
        await users["ingress"].store(CLIENT, ClientSeen())
