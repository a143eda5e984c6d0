"""A GPU site behind NAT: deploy/nats/leaf.conf reaches out to deploy/nats/hub.conf, and a real node works behind it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.deploy.site import Site, process
from tests.nats_server import free_port
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.errors import NatsUnavailable
from wire.jobs import Job
from wire.kv import Bucket
from wire.messages import JobDone, decode
from wire.records import NodeRecord

pytestmark = pytest.mark.timeout(120)
SCRIPTED = {"engine": "scripted", "dedicated": "true", "log_format": "json", "node": "far-1"}


async def test_a_node_behind_a_leaf_takes_jobs_and_may_do_no_more_than_a_node(tmp_path: Path) -> None:
    hub = Site(tmp_path / "nats", nodes=())
    doors, port = free_port(), free_port()
    text = (hub.folder / "hub.conf").read_text()
    (hub.folder / "hub.conf").write_text(text.replace("0.0.0.0:7422", f"127.0.0.1:{doors}"))
    environ = {"HUB_URL": f"tls://127.0.0.1:{doors}", "SITE_KEY": (hub.folder / "site.nk").read_text().strip()}
    with hub.running("hub.conf"), hub.running("leaf.conf", "-n", "berlin", port=port, **environ) as log:
        variables = hub.variables("node", **SCRIPTED) | {"DRAGOMAN_NATS_URL": f"nats://127.0.0.1:{port}"}
        for name in ("DRAGOMAN_NATS_CREDS", "DRAGOMAN_NATS_CA"):
            variables.pop(name)
        async with AsyncExitStack() as stack:
            scheduler = await stack.enter_async_context(hub.bus("scheduler", "scheduler"))
            await scheduler.declare()
            node_log = tmp_path / "node.log"
            await stack.enter_async_context(process("node_runtime", variables, node_log))
            nodes = Bucket(scheduler, subjects.NODES_KV, NodeRecord)

            async def ready() -> bool:
                record = await nodes.get("far-1")
                return record is not None and record.ready

            await until(ready, 20)
            job = Job(
                job="s1.1",
                session="s1",
                utterance=1,
                attempt=1,
                pool="default",
                source="en",
                pcm=bytes(32_000),
                start=0,
            )
            await scheduler.store(subjects.job_pool("default"), job)

            async def done() -> bool:
                last = await scheduler.last(subjects.MAILBOX, subjects.mailbox("s1", "node"))
                return last is not None and b"job_done" in last.data and bool(decode(JobDone, last.data))

            await until(done, 30)
            assert "Violation" not in log.read_text()
            async with Bus.connect(f"nats://127.0.0.1:{port}", "node-far-2") as stranger:
                with pytest.raises(NatsUnavailable):
                    await stranger.store(subjects.mailbox("s1", "client"), job, patience=1)
                with pytest.raises(NatsUnavailable):
                    await stranger.store(f"$KV.{subjects.KEYS_KV}.k", b"{}", patience=1)
                with pytest.raises(NatsUnavailable):
                    await stranger.last(subjects.MAILBOX, subjects.mailbox("s1", "node"))
                with pytest.raises(NatsUnavailable):
                    await stranger.newest(f"KV_{subjects.KEYS_KV}")  # whose subjects are told to who asks so
