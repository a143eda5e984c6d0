"""The real processes, each with its own user, on deploy/nats/secured.conf: they can do all that they must, the server
refuses them nothing, and told to stop while they are busy they end in time with 0."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bench import speech
from bench.recordings import as_wav
from cli import keys
from tests.deploy.site import NODES, Site, process
from tests.ingress import client
from tests.ingress.access.doors import ask
from tests.ingress.recordings.caller import jobs_at
from tests.ingress.test_rooms import new_room, seat
from tests.nats_server import free_port
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.errors import NatsUnavailable
from wire.kv import Bucket
from wire.records import NodeRecord

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

GRACE_S = {"scheduler": 5.0, "ingress": 5.0, "node": 15.0}
"""Less than TimeoutStopSec in deploy/systemd and terminationGracePeriodSeconds in deploy/kubernetes (test_grace.py)."""
SCRIPTED = {"engine": "scripted", "scripted_rtf": "0.1", "slots": "2", "dedicated": "true", "log_format": "json"}


@dataclass
class Running:
    site: Site
    log: Path
    url: str
    operator: Bus
    key: str = ""
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in self.site.folder.glob("dragoman-*.log"))

    async def stop(self, name: str) -> float:
        """SIGTERM. Seconds until it ended with 0."""
        began = asyncio.get_running_loop().time()
        self.processes[name].send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            assert await self.processes[name].wait() == 0, self.logs()
        return asyncio.get_running_loop().time() - began


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    site = Site(tmp_path_factory.mktemp("processes") / "nats")
    port = free_port()
    with site.running("secured.conf") as log:
        async with AsyncExitStack() as stack:
            operator = await stack.enter_async_context(site.bus("operator", "keys"))
            found = Running(site, log, f"http://127.0.0.1:{port}", operator)
            for name, module, user, more in (
                ("ingress", "ingress", "ingress", {"port": str(port)}),  # before anybody has made a stream
                *((f"node-{node}", "node_runtime", f"node-{node}", {"node": node, **SCRIPTED}) for node in NODES),
                ("scheduler", "actors", "scheduler", {"instance": "s1"}),
            ):
                started = process(module, site.variables(user, **more), site.folder / f"dragoman-{name}.log")
                found.processes[name] = await stack.enter_async_context(started)

            async def all_ready() -> bool:
                assert all(each.returncode is None for each in found.processes.values()), found.logs()
                try:
                    status, _ = await client.get(found.url + "/readyz")
                    nodes = await Bucket(operator, subjects.NODES_KV, NodeRecord).items()
                except (aiohttp.ClientError, NatsUnavailable):
                    return False
                return status == 200 and all(node in nodes and nodes[node].ready for node in NODES)

            await until(all_ready, 60)
            yield found


async def test_an_utterance_goes_through_with_its_speech(running: Running) -> None:
    async with client.connected(running.url) as speaker:
        await speaker.start(source="en", targets=["de"], speech=True, captions=True)
        await speaker.audio(speech.spoken(["Nobody had expected it."]))
        await speaker.until("transcript.final", 30)
        await speaker.until("translation.final", 30, target="de")
        await speaker.until("speech", 30, target="de")


async def test_people_in_a_room_hear_each_other(running: Running) -> None:
    code = await new_room(running.url)
    async with client.connected(running.url) as anna, client.connected(running.url) as bob:
        for each, name, language in ((anna, "Anna", "en"), (bob, "Bob", "de")):
            await each.start(source=language, room=seat(code, name, language))
            await each.until("room.joined")
        await anna.audio(speech.spoken(["Nobody had expected it."]))
        await bob.until("room.said", 30)


async def test_a_recording_is_translated(running: Running) -> None:
    recording = as_wav(speech.spoken(["Nobody had expected it.", "The ship came home."]))
    async with jobs_at(running.url) as jobs:
        id = await jobs.new(recording, targets="de", speech="de", source="en")
        await jobs.until(id, "done", 60)
        assert await jobs.result(id)
        assert (await jobs.ask("DELETE", f"/{id}")).status in (200, 204)


async def test_a_session_is_read_and_deleted(running: Running) -> None:
    async with client.connected(running.url) as speaker:
        started = await speaker.start(source="en", targets=["de"])
        await speaker.audio(speech.spoken(["Nobody had expected it."]))
        await speaker.until("translation.final", 30, target="de")
        await speaker.say("session.close")
        await speaker.until("session.closed", 30)
    session = f"{running.url}/v1/sessions/{started['session']}"

    async def deleted() -> bool:
        status, body, _ = await ask(f"{session}/transcript?format=txt&language=de")
        assert (status, bool(body)) == (200, True), body
        return (await ask(session, "DELETE"))[0] == 200  # 409 while its last state is on its way

    await until(deleted)
    assert (await ask(session))[0] == 404
    assert session.rpartition("/")[2] not in str((await ask(f"{running.url}/v1/sessions"))[1])


async def test_a_stream_that_is_taken_away_is_made_again_by_the_scheduler(running: Running) -> None:
    await running.operator._js.delete_stream(subjects.RECORDED)

    async def there() -> bool:
        return subjects.RECORDED in {each.config.name for each in await running.operator._js.streams_info()}

    await until(there, 15)


async def test_an_operator_sees_and_steers_and_what_was_said_is_found_again(running: Running) -> None:
    """From here on the server asks for a key."""
    key = await keys.create(running.operator, "default", "operator", admin=True)
    running.key = key
    async with aiohttp.ClientSession(running.url, headers={"Authorization": f"Bearer {key}"}) as http:

        async def known() -> bool:
            async with http.get("/v1/admin/state") as answer:
                return answer.status == 200

        await until(known)
        for method, path in (
            ("POST", "/v1/admin/nodes/gpu-2/drain"), ("DELETE", "/v1/admin/nodes/gpu-2/drain"),
            ("GET", "/v1/admin/dead"), ("GET", "/v1/admin/sessions"), ("GET", "/v1/sessions"),
        ):  # fmt: skip
            async with http.request(method, path) as answer:
                assert answer.status < 300, (method, path, await answer.text())
        async with http.get("/v1/sessions") as answer:
            session = (await answer.json())["data"][0]["id"]
        async with http.get(f"/v1/sessions/{session}/transcript") as answer:
            assert answer.status == 200
        async with http.delete(f"/v1/admin/sessions/{session}") as answer:
            assert answer.status < 300

        async def erased() -> bool:
            async with http.delete(f"/v1/sessions/{session}") as answer:
                assert answer.status < 300 or answer.status == 409, await answer.text()  # it closes
                return answer.status < 300

        await until(erased)


async def test_each_ends_in_time_while_it_is_busy_and_nothing_was_refused(running: Running) -> None:
    """Last: afterwards nothing runs."""
    async with client.connected(running.url, running.key) as speaker:
        await speaker.start(source="en", targets=["de"], speech=True, captions=True)
        await speaker.audio(speech.spoken())
        await speaker.until("transcript.final", 30)
        assert await running.stop("node-gpu-1") < GRACE_S["node"]
        await speaker.audio(speech.spoken())
        assert await running.stop("scheduler") < GRACE_S["scheduler"]
        assert await running.stop("ingress") < GRACE_S["ingress"]
        await speaker.until("(socket closed)")
    assert await running.stop("node-gpu-2") < GRACE_S["node"]
    assert [line for line in running.log.read_text().splitlines() if "Violation" in line] == []
    assert "NATS refuses" not in running.logs()
