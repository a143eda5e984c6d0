"""`subjects.md` against wire/subjects.py, wire/topology.py and deploy/nats; and what the commands of its cookbook do,
asked of a real server through the JetStream API that the `nats` program uses for them."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

import actors.host
import actors.state
from tests.inbox import Inbox, beside
from tests.nats_server import CONFIG
from wire import declare, history, jobs, messages, protocol, records, rooms, subjects, topology
from wire.bus import Bus
from wire.jobs import Job
from wire.messages import ClientSeen, SessionTerminated, decode
from wire.records import BindingRecord, DeadJob

PAGE = (Path(__file__).resolve().parents[1] / "subjects.md").read_text(encoding="utf-8")
NAMES = {"p": str(subjects.partition("SESSION")), "session": "SESSION", "utterance": "7", "target": "en"} | {
    "node": "NODE", "pool": "POOL", "job": "SESSION.7", "attempt": "1", "n": "3", "sequence": "0", "what": "asr",
    "generation": "2", "id": "ID", "life": "8", "tenant": "TENANT", "role": "ROLE", "instance": "INSTANCE",
}  # fmt: skip


def table(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, cells stripped."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def filled(pattern: str) -> str:
    return re.sub(r"<(\w+)>", lambda found: NAMES[found[1]], pattern.strip("`"))


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


BUILT = {
    **{subjects.mailbox("SESSION", side): subjects.MAILBOX for side in typing.get_args(subjects.Side)},
    subjects.job_pool("POOL"): subjects.JOBS,
    subjects.job_node("NODE"): subjects.JOBS,
    subjects.batch("POOL"): subjects.BATCH,
    subjects.partial("POOL", "SESSION"): subjects.PARTIALS,
    subjects.event("SESSION"): subjects.EVENTS,
    subjects.speech("SESSION", 7, "en"): subjects.EVENTS,
    subjects.stored(subjects.event("SESSION")): "",
    subjects.stored(subjects.speech("SESSION", 7, "en")): "",
    subjects.live("SESSION"): "",
    subjects.dead("POOL", "SESSION"): subjects.DEAD,
    subjects.dead_job("POOL", "SESSION", 7): subjects.DEAD,
    subjects.STATS_ASK: "",
    subjects.stats("ROLE", "INSTANCE"): "",
    subjects.recording("ID"): subjects.RECORDED,
    subjects.transcript("TENANT", "SESSION"): subjects.TRANSCRIPTS,
}


def test_every_subject_is_documented_with_its_stream_and_no_other() -> None:
    assert {filled(row[0]): row[1] for row in table("Subjects")} == BUILT


def test_the_payloads_are_structs_and_the_mail_is_complete() -> None:
    sides = {"client": "ClientMail", "node": "NodeMail", "control": "ControlMail"}
    for row in table("Subjects"):
        structs = [name for name in names(row[2]) if name[0].isupper()]
        modules = (history, jobs, messages, protocol, records)
        assert all(any(hasattr(module, name) for module in modules) for name in structs), row
        if row[1] == subjects.MAILBOX:
            union = getattr(messages, structs[0])
            assert structs[0] == sides[row[0].strip("`").rsplit(".", 1)[1]]
            assert structs[1:] == [kind.__name__ for kind in typing.get_args(union) or (union,)]


def test_streams_are_documented_with_their_limits() -> None:
    documented = {row[0]: row[1:] for row in table("Streams")}
    assert set(documented) == {stream.name for stream in topology.STREAMS}
    for stream in topology.STREAMS:
        inside, retention, age, size, limit = documented[stream.name]
        assert tuple(names(inside)) == stream.subjects
        assert retention == stream.retention + (", in memory" if stream.storage == "memory" else "")
        assert age.startswith(f"{stream.max_age_s} s" if stream.max_age_s else "none")
        assert size == f"{stream.max_bytes // topology.MIB} MiB"
        assert ("refused" in limit) is (stream.discard == "new")


def test_buckets_are_documented_with_their_limits() -> None:
    documented = {names(row[0])[0]: row[1:] for row in table("KV buckets")}
    assert set(documented) == {bucket.name for bucket in topology.BUCKETS}
    for bucket in topology.BUCKETS:
        key, value, _, age, size = documented[bucket.name]
        assert f"{key.strip('`')}:" in bucket.description
        assert any(hasattr(module, names(value)[0]) for module in (history, records, rooms, actors.host, actors.state))
        assert age in ([f"{bucket.ttl_s:g} s"] if bucket.ttl_s else ["none", f"{topology.LEASE_TTL_S} s for each key"])
        limit = f"{bucket.max_bytes // topology.MIB} MiB"
        assert size == (limit if bucket.discard == "new" else f"{limit}; then the oldest go")


def test_object_stores_are_documented_with_their_limits() -> None:
    documented = {names(row[0])[0]: row[1:] for row in table("Object stores")}
    assert set(documented) == {store.name for store in topology.STORES}
    for store in topology.STORES:
        _, _, _, age, size = documented[store.name]
        assert age == f"{store.ttl_s:g} s"
        assert size == f"{store.max_bytes // topology.MIB} MiB"


QUEUES = (
    (subjects.pool_consumer("POOL"), subjects.job_pool("POOL")),
    (subjects.node_consumer("NODE"), subjects.job_node("NODE")),
    (subjects.partial_consumer("POOL"), subjects.partial_pool("POOL")),
    (subjects.batch_consumer("POOL"), subjects.batch("POOL")),
)


def test_consumers_are_documented_with_their_settings() -> None:
    documented = {filled(row[0]): row for row in table("Consumers") if row[0].startswith("`")}
    assert set(documented) == {name for name, _ in QUEUES} | {subjects.EXPORTER}
    for name, subject in (*QUEUES, (subjects.EXPORTER, subjects.TRANSCRIPT_ALL)):
        _, stream, filtered, _, settings = documented[name]
        if name == subjects.EXPORTER:
            times, patience = topology.EXPORT_DELIVERIES, topology.EXPORT_ACK_WAIT_S
            config = declare.queue(name, subject, 1, deliveries=times, ack_wait_s=patience)
        else:
            config = declare.queue(name, subject, 1)
        assert stream == subjects.stream_of(subject)
        assert filled(filtered) == config.filter_subject
        assert f"ack_wait {config.ack_wait:g} s" in settings
        assert f"max_deliver {config.max_deliver}" in settings


def test_message_ids_are_documented() -> None:
    assert {filled(names(row[1])[0]) for row in table("Message ids")} == {
        subjects.job_message_id("SESSION", 7, 1),
        subjects.widened_message_id("SESSION", 7, 1),
        subjects.event_message_id("SESSION", 3),
        subjects.speech_message_id(subjects.job_id("SESSION", 7), "en", 0),
        subjects.result_message_id("SESSION.7", 1, "asr"),
        subjects.hypothesis_message_id("SESSION", 7, 2),
        subjects.dead_message_id(subjects.job_id("SESSION", 7)),
        subjects.dead_job_message_id(subjects.job_id("SESSION", 7)),
        subjects.recording_message_id("ID", 8, 3),
        subjects.transcript_message_id("SESSION", 3),
    }


def test_numbers_in_the_prose_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"modulo {subjects.PARTITIONS}" in text
    assert f"Within {topology.DEDUP_S:g} s the same id" in text
    assert f"silent for {topology.ACK_WAIT_S:g} s loses it" in text
    assert f"every {topology.HEARTBEAT_S:g} s" in text
    assert f"renewed every {topology.LEASE_RENEW_S:g} s" in text
    assert f"at each change and every {topology.PARTY_RENEW_S:g} s" in text
    assert "`max_payload` of the server (4 MB in" in text
    assert "max_payload: 4MB" in CONFIG.read_text()
    assert "syncs the disk every 10 s" in text
    assert 'sync_interval: "10s"' in CONFIG.read_text()


def test_the_servers_configuration_names_no_subject_that_is_not_ours() -> None:
    ours = {subject.split(".")[0] for subject in BUILT} | {"$KV", "$JS", "_INBOX"}
    for quoted in re.findall(r'"([$\w]+\.[\w.*>$-]+)"', CONFIG.read_text()):
        assert quoted.split(".")[0] in ours, quoted


# --- the cookbook ---------------------------------------------------------------------------------------------------

COMMANDS = [
    line.split(" #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]


def test_commands_name_streams_buckets_and_subjects_that_are_there() -> None:
    known = (
        set(BUILT)
        | {f"mailbox.*.{name}" for name in ("SESSION.*", "SESSION.node")}
        | {subjects.DEAD_NOTICES, "dead.default.SESSION", subjects.dead_of("SESSION")[1]}
    )
    for command in COMMANDS:
        if found := re.match(r"nats (?:stream|consumer) \w+ ([A-Z]+)", command):
            assert found[1] in {stream.name for stream in topology.STREAMS}, command
        if found := re.match(r"nats kv \w+ (\w+)", command):
            assert found[1] in {bucket.name for bucket in topology.BUCKETS}, command
        for subject in re.findall(r"'((?:mailbox|event|live|stored|dead|job)\.[^']+)'|--last-for (\S+)", command):
            assert (subject[0] or subject[1]) in known, command


def test_every_function_that_makes_a_subject_is_documented() -> None:
    makers = {"mailbox", "job_pool", "job_node", "batch", "partial", "event", "speech", "stored", "live", "dead"}
    makers |= {"recording", "dead_job", "stats", "transcript"}
    others = {
        "token",
        "inbox",
        "partition",
        "mailbox_of",
        "mailbox_partition",
        "mailbox_clients",
        "speech_of",
        "stream_of",
        "session_of_mailbox",
        "node_of_lane",
        "unstored",
        "addressee",
        "pool_consumer",
        "partial_pool",
        "partial_consumer",
        "batch_consumer",
        "hypothesis_message_id",
        "node_consumer",
        "binding_key",
        "session_key",
        "session_of_key",
        "slot_key",
        "slot_of_key",
        "party_key",
        "usage_key",
        "line_key",
        "line_of_key",
        "job_id",
        "job_message_id",
        "widened_message_id",
        "event_message_id",
        "speech_message_id",
        "result_message_id",
        "dead_message_id",
        "dead_job_message_id",
        "dead_of",
        "recording_message_id",
        "transcript_message_id",
        "of_transcript",
        "history_key",
        "history_of",
        "bindings_of",
        "filler",
        "object_store",
        "object_meta",
        "object_chunks",
    }
    found = {
        name for name, each in inspect.getmembers(subjects, inspect.isfunction) if each.__module__ == subjects.__name__
    }
    assert found == makers | others, "a new builder: document it in subjects.md and add it to BUILT here"


async def api(bus: Bus, subject: str, request: Any = None) -> Any:
    """What the program sends, and the server's answer."""
    answer = await bus._nc.request(f"$JS.API.{subject}", json.dumps(request).encode() if request else b"", timeout=5)
    found = json.loads(answer.data)
    assert "error" not in found, found
    return found


async def test_ending_a_session_reaches_its_actor(bus: Bus) -> None:
    """The shell line computes the partition; a plain publish is stored and read as SessionTerminated."""
    (line,) = [command for command in COMMANDS if command.startswith("p=")]
    code = re.search(r"-c '(.*?)'", line)
    assert code
    computing = await asyncio.create_subprocess_exec(sys.executable, "-c", code[1], "SESSION", stdout=subprocess.PIPE)
    printed, _ = await computing.communicate()
    (publish,) = [command for command in COMMANDS if command.startswith("nats pub")]
    subject, payload = re.findall(r'"(mailbox[^"]+)" \'(.*)\'', publish)[0]
    heard = Inbox()
    async with beside(bus.follow(subjects.MAILBOX, subjects.MAILBOX_ALL, 0, heard)):
        await bus._nc.publish(subject.replace("$p", printed.decode().strip()), payload.encode())
        await heard.until(1)
    assert subjects.session_of_mailbox(heard[0].subject) == ("SESSION", "control")
    assert heard[0].subject == subjects.mailbox("SESSION", "control")
    assert decode(messages.ControlMail, heard[0].data) == SessionTerminated(reason="operator")


async def test_queues_show_what_waits_and_what_is_in_hand(bus: Bus) -> None:
    lane = subjects.pool_consumer("default")
    await bus.declare_queue(subjects.JOBS, lane, subjects.job_pool("default"), 10)
    for number in range(3):
        job = Job(job="s.1", session="s", utterance=number, attempt=1, pool="default", source="en", pcm=b"", start=0)
        await bus.store(subjects.job_pool("default"), job)
    assert await bus.take(subjects.JOBS, lane) is not None
    (info,) = (await api(bus, "CONSUMER.LIST.JOBS"))["consumers"]
    assert (info["name"], info["num_pending"], info["num_ack_pending"]) == ("pool-default", 2, 1)
    there = await api(bus, "STREAM.INFO.JOBS", {"subjects_filter": ">"})
    assert there["state"]["subjects"] == {"job.pool.default": 3}
    await api(bus, "STREAM.MSG.DELETE.JOBS", {"seq": 3})
    assert await bus.waiting(subjects.JOBS, lane) == 2
    await api(bus, "STREAM.PURGE.JOBS", {"filter": "job.pool.default"})
    assert (await api(bus, "STREAM.INFO.JOBS"))["state"]["messages"] == 0


async def test_dead_jobs_and_last_events_are_found_by_subject(bus: Bus) -> None:
    dead = DeadJob(
        job="s.1", session="SESSION", utterance=1, pool="default", attempts=4, node="n1", reason="crashed", seconds=2.0
    )
    await bus.store(subjects.dead("default", "SESSION"), dead)
    found = await api(bus, "STREAM.MSG.GET.DEAD", {"last_by_subj": "dead.default.SESSION"})
    assert found["message"]["subject"] == "dead.default.SESSION"
    listed = await api(bus, "STREAM.INFO.DEAD", {"subjects_filter": ">"})
    assert listed["state"]["subjects"] == {"dead.default.SESSION": 1}
    await bus.store(subjects.mailbox("SESSION", "client"), ClientSeen())
    mail = await api(bus, "STREAM.INFO.MAILBOX", {"subjects_filter": "mailbox.*.SESSION.*"})
    assert mail["state"]["subjects"] == {subjects.mailbox("SESSION", "client"): 1}


async def test_buckets_are_buckets_to_any_client(bus: Bus) -> None:
    """nats-py's own KeyValue, which works as the program does, lists and reads what `wire.kv` wrote."""
    record = BindingRecord(
        job="SESSION.1", session="SESSION", utterance=1, attempt=1, pool="default", start=0.0, end=1.5, state="sent"
    )
    await bus.store("$KV.bindings.SESSION.1", record)
    await bus.store("$KV.bindings.SESSION.2", record)
    await bus.store("$KV.bindings.SESSION.2", None)
    theirs = await bus._js.key_value(subjects.BINDINGS_KV)
    assert await theirs.keys() == ["SESSION.1"]
    entry = await theirs.get("SESSION.1")
    assert entry.value is not None
    assert json.loads(entry.value)["end"] == 1.5


@pytest.mark.parametrize("subject", ["stored.event.SESSION", "live.SESSION"])
async def test_one_session_can_be_followed(bus: Bus, subject: str) -> None:
    heard = Inbox()
    await bus.subscribe(subject, heard)
    await bus.store(subjects.event("SESSION"), ClientSeen())
    await bus.publish(subjects.live("SESSION"), ClientSeen())
    await heard.until(1)
    assert heard[0].subject == subject
