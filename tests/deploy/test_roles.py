"""deploy/nats/roles.toml against subjects.md: whoever is said to publish a subject, to read it, to write a bucket or to
make a consumer may do so, and nobody else. A subject that is new there and missing in roles.toml fails here by name."""

from __future__ import annotations

import re

import pytest

from cli.nats_users import ROLES
from tests.test_subjects import BUILT, filled, names, table
from tests.wire.test_subjects import matches
from wire import declare, permissions, subjects, topology
from wire.permissions import Permissions, Role

WORDS = {"ingress": "ingress", "scheduler": "scheduler", "node": r"node\b|node-runtime", "exporter": "exporter"}
"""How subjects.md calls the roles. The operator may do everything."""
FOUND: dict[str, Role] = permissions.roles(ROLES.read_text(encoding="utf-8"))
MAY: dict[str, Permissions] = {name: permissions.of(role, "NODE", ["POOL"]) for name, role in FOUND.items()}
API = "$JS.API"


STATS = f"{subjects.STATS_ALL.split('.')[0]}."


def told(cell: str) -> set[str]:
    """Roles that a cell names."""
    return {role for role, word in WORDS.items() if re.search(word, cell)}


def who(patterns: dict[str, list[str]], subject: str) -> set[str]:
    return {role for role in WORDS if any(matches(pattern, subject) for pattern in patterns[role])}


SAID = {role: may.publish for role, may in MAY.items()}
HEARD = {role: may.subscribe for role, may in MAY.items()}


def test_the_roles_are_those_of_the_processes() -> None:
    assert set(FOUND) == {*WORDS, "site", "operator"}
    assert MAY["operator"] == Permissions([">"], [">"])


@pytest.mark.parametrize("row", table("Subjects"), ids=lambda row: row[0].strip("`"))
def test_a_subject_is_published_by_those_that_the_page_names(row: list[str]) -> None:
    subject, stream, _, publishers, readers = filled(row[0]), *row[1:]
    if subject == subjects.stats("ROLE", "INSTANCE"):  # each role only in its own name
        assert all(who(SAID, subjects.stats(role, "NODE")) == {role} for role in told(publishers))
        assert who(HEARD, subject) == told(readers)
        return
    written_by_the_server = subject.startswith(f"{subjects.STORED}.")
    assert who(SAID, subject) == (set() if written_by_the_server else told(publishers)), publishers
    if stream:
        asking = f"{API}.STREAM.MSG.GET.{stream}"
        assert who(HEARD, subject) == set(), "stored subjects are read from their stream"
        expected = told(readers)
        taking = {role for role in WORDS if any(subject_of(each, subject) for each in FOUND[role].queues)}
        assert expected <= who(SAID, asking) | taking, readers
    else:
        assert who(HEARD, subject) == told(readers), readers


def subject_of(queue: permissions.Queue, subject: str) -> bool:
    return matches(queue.filter.replace("<node>", "NODE").replace("<pool>", "POOL"), subject)


def test_what_people_say_is_read_by_no_node_and_no_exporter() -> None:
    for stream in (subjects.MAILBOX, subjects.EVENTS, subjects.JOBS, subjects.RECORDED, subjects.DEAD):
        for verb in ("STREAM.MSG.GET", "DIRECT.GET", "CONSUMER.CREATE"):
            assert who(SAID, f"{API}.{verb}.{stream}") <= {"scheduler", "ingress"}, (verb, stream)
    assert who(SAID, f"{API}.CONSUMER.CREATE.{subjects.MAILBOX}") == {"scheduler"}


@pytest.mark.parametrize("row", table("KV buckets"), ids=lambda row: row[0].strip("`"))
def test_a_bucket_is_written_by_those_that_the_page_names(row: list[str]) -> None:
    key = re.sub(r"<\w+( id)?>", lambda at: "NODE" if at[0] == "<node>" else "x", row[1].strip("`"))
    assert who(SAID, f"$KV.{names(row[0])[0]}.{key}") == told(row[3]), row[3]


@pytest.mark.parametrize("row", table("Object stores"), ids=lambda row: row[0].strip("`"))
def test_an_object_store_is_written_by_those_that_the_page_names(row: list[str]) -> None:
    store = names(row[0])[0]
    for subject in (subjects.object_meta(store, "name"), subjects.object_chunks(store, "nuid")):
        assert who(SAID, subject) == told(row[3])


@pytest.mark.parametrize("row", table("Consumers"), ids=lambda row: f"{row[0]} {row[1]}".replace("`", ""))
def test_a_consumer_is_made_by_those_that_the_page_names(row: list[str]) -> None:
    name, stream, pattern = filled(row[0]), row[1], filled(row[2])
    made = f"{API}.CONSUMER.CREATE.{stream}" + ("" if name.startswith("(") else f".{name}.{pattern}")
    assert who(SAID, made) == told(row[3]), row[3]


def test_all_streams_are_made_by_schedulers_and_deleted_by_nobody_but_operators() -> None:
    for config in declare.streams():
        for verb in ("CREATE", "UPDATE"):
            assert who(SAID, f"{API}.STREAM.{verb}.{config.name}") == {"scheduler"}
        assert who(SAID, f"{API}.STREAM.DELETE.{config.name}") == set()
        assert who(SAID, f"{API}.STREAM.MSG.DELETE.{config.name}") <= {"ingress"}


def test_roles_name_no_stream_and_no_subject_that_is_not_there() -> None:
    streams = {config.name: config.subjects or [] for config in declare.streams()}
    known = {*BUILT, *(subject for subject in BUILT.values() if subject)}
    known |= {subjects.filler(stream) for stream in (subjects.MAILBOX, subjects.EVENTS, subjects.JOBS)}
    for name, role in FOUND.items():
        queues = [queue.stream for queue in role.queues]
        unknown = [each for each in (*role.read, *role.follow, *role.purge, *queues) if each not in streams]
        assert not unknown, f"{name}: {unknown}"
        for pattern in MAY[name].publish + MAY[name].subscribe:
            ours = pattern.startswith(("$JS.", "_INBOX_")) or pattern == ">"
            bucket = re.match(r"\$KV\.(\w+)\.", pattern)
            store = re.match(r"\$O\.(\w+)\.", pattern)
            assert (
                ours
                or (bucket and bucket[1] in {each.name for each in topology.BUCKETS})
                or (store and store[1] in {each.name for each in topology.STORES})
                or any(matches(pattern, subject) for subject in known)
                or pattern.startswith(STATS)
            ), f"{name}: {pattern}"


def test_a_site_gets_to_nothing_that_a_node_does_not() -> None:
    node, site = FOUND["node"], FOUND["site"]
    theirs = {*node.read, *node.follow, *(queue.stream for queue in node.queues)}
    assert {config.name for config in declare.streams()} == theirs | set(site.shut)
    for pattern in MAY["node"].subscribe:
        assert who({**HEARD, "node": MAY["site"].subscribe}, pattern.replace(">", "x")) >= {"node"}
    said = dict.fromkeys(WORDS, MAY["site"].publish)
    for subject in (each for each in BUILT if not each.startswith(STATS)):
        if who(said, subject) and not who({**SAID, "node": permissions.of(node).publish}, subject) >= {"node"}:
            assert any(matches(pattern, subject) for pattern in MAY["site"].deny), subject


def test_the_streams_fit_into_the_limits_of_the_accounts() -> None:
    held = {"memory": 0.0, "file": 0.0}
    for config in declare.streams():
        assert config.storage is not None
        held[config.storage.value] += (config.max_bytes or 0) / 2**20
    for name, copies in (("secured.conf", 1), ("cluster.conf", declare.REPLICAS)):
        text = (ROLES.with_name(name)).read_text(encoding="utf-8")
        (memory, store) = re.search(r"max_memory: (\d+)MB, max_store: (\d+)GB", text).groups()  # type: ignore[union-attr]
        assert copies * held["memory"] <= int(memory), name
        assert copies * held["file"] <= int(store) * 1024, name


def test_a_node_that_is_named_is_itself_and_no_other() -> None:
    for subject in (
        "job.node.other",
        "$KV.nodes.other",
        "$KV.slots.other.0",
        f"{API}.CONSUMER.MSG.NEXT.JOBS.pool-other",
    ):
        assert who(SAID, subject) <= {"scheduler"}, subject
    assert not any(matches(pattern, f"{subjects.inbox('node-other')}.x") for pattern in HEARD["node"])
    anyone = permissions.of(FOUND["node"])
    assert any(matches(pattern, "$KV.nodes.other") for pattern in anyone.publish)
