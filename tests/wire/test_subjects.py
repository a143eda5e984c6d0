from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import declare, subjects, topology

NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@pytest.mark.parametrize(
    "name",
    ["", "a.b", "*", ">", "a b", "a\n", "\n", "a\x00", "é", "a/b", "x" * 65, "$KV", "a.*", "..", " ", "\u202e", "ａ"],
)
def test_no_name_can_reach_another_subject(name: str) -> None:
    for made in (
        subjects.token,
        subjects.event,
        subjects.live,
        subjects.mailbox_of,
        subjects.speech_of,
        subjects.job_pool,
        subjects.job_node,
        subjects.pool_consumer,
        subjects.node_consumer,
        lambda name: subjects.mailbox(name, "client"),
        lambda name: subjects.speech("s", 1, name),
        lambda name: subjects.speech(name, 1, "en"),
        lambda name: subjects.dead("pool", name),
        lambda name: subjects.dead(name, "s"),
        lambda name: subjects.dead_job("pool", name, 1),
        subjects.dead_of,
        lambda name: subjects.stats(name, "i"),
        lambda name: subjects.stats("node", name),
        lambda name: subjects.binding_key(name, 1),
        lambda name: subjects.slot_key(name, 1),
        subjects.session_key,
    ):
        with pytest.raises(ValueError, match="is not a usable name"):
            made(name)


@given(NAMES)
def test_a_mailbox_is_found_by_its_session_and_tells_it(session: str) -> None:
    for side in ("client", "node", "control"):
        subject = subjects.mailbox(session, side)
        assert subjects.session_of_mailbox(subject) == (session, side)
        assert matches(subjects.MAILBOX_ALL, subject)
        assert matches(subjects.mailbox_of(session), subject)
        assert subjects.stream_of(subject) == subjects.MAILBOX
    assert 0 <= subjects.partition(session) < subjects.PARTITIONS


@given(NAMES)
def test_a_lane_tells_its_node(node: str) -> None:
    assert subjects.node_of_lane(subjects.job_node(node)) == node
    assert matches(subjects.JOB_NODES, subjects.job_node(node))
    assert not matches(subjects.JOB_NODES, subjects.job_pool(node))


def test_partitions_never_change() -> None:
    """Processes of two versions must agree. crc32 of the name, modulo 64."""
    expected = {"": 0, "a": 3, "session-1": 46, "0f8fad5b": 62}
    assert {name: subjects.partition(name) for name in expected} == expected


def test_sessions_spread_over_the_partitions() -> None:
    counts = [0] * subjects.PARTITIONS
    for number in range(6400):
        counts[subjects.partition(f"session-{number}")] += 1
    assert min(counts) > 50
    assert max(counts) < 200


@given(NAMES, NAMES, st.integers(0, 10**9))
def test_every_stored_subject_is_in_the_stream_that_it_names(one: str, other: str, number: int) -> None:
    by_name = {stream.name: stream for stream in topology.STREAMS}
    for subject in (
        subjects.mailbox(one, "node"),
        subjects.job_pool(one),
        subjects.job_node(one),
        subjects.batch(one),
        subjects.event(one),
        subjects.speech(one, number, other),
        subjects.dead(one, other),
        subjects.dead_job(one, other, number),
        subjects.recording(one),
        subjects.transcript(one, other),
    ):
        stream = by_name[subjects.stream_of(subject)]
        assert sum(matches(pattern, subject) for pattern in stream.subjects) == 1
        assert subjects.unstored(subjects.stored(subject)) == subject
        assert matches(subjects.STORED_ALL, subjects.stored(subject))
    assert matches(subjects.partial_pool(one), subjects.partial(one, other))
    consumers = {subjects.partial_consumer(one), subjects.pool_consumer(one), subjects.batch_consumer(one)}
    assert len(consumers) == 3
    assert matches(subjects.speech_of(one), subjects.speech(one, number, other))
    notices, jobs = subjects.dead_of(other)
    assert matches(notices, subjects.dead(one, other))
    assert matches(subjects.DEAD_NOTICES, subjects.dead(one, other))
    assert matches(jobs, subjects.dead_job(one, other, number))
    assert not matches(subjects.DEAD_NOTICES, subjects.dead_job(one, other, number))
    assert matches(subjects.STATS_ALL, subjects.stats(one, other))
    assert not matches(subjects.STATS_ALL, subjects.STATS_ASK)


@given(NAMES, NAMES, st.integers(0, 10**9))
def test_an_event_tells_whom_it_is_for(session: str, target: str, number: int) -> None:
    assert subjects.addressee(subjects.event(session)) == (session, 0, "")
    assert subjects.addressee(subjects.live(session)) == (session, 0, "")
    assert subjects.addressee(subjects.speech(session, number, target)) == (session, number, target)


@given(NAMES, st.integers(0, 1000))
def test_keys_tell_what_they_are_made_of(name: str, number: int) -> None:
    assert subjects.session_of_key(subjects.session_key(name)) == name
    assert subjects.session_key(name).startswith(f"{subjects.partition(name)}.")
    assert subjects.slot_of_key(subjects.slot_key(name, number)) == (name, number)
    assert subjects.party_key("ROOM", name) == f"ROOM.{name}"
    assert subjects.usage_key(name, "one-1") == f"{name}.one-1"
    assert subjects.of_transcript(subjects.transcript(name, "s1")) == (name, "s1")
    assert matches(subjects.history_of(name), subjects.history_key(name, "s1"))
    assert matches(subjects.bindings_of(name), subjects.binding_key(name, number))
    assert subjects.line_of_key(subjects.line_key(name, "one-1")) == (name, "one-1")
    assert matches(subjects.mailbox_partition(subjects.partition(name)), subjects.mailbox(name, "node"))
    assert matches(subjects.mailbox_clients(subjects.partition(name)), subjects.mailbox(name, "client"))


def test_keys_belong_to_their_buckets_stream_and_live_is_not_stored() -> None:
    assert subjects.stream_of("$KV.bindings.s.1") == "KV_bindings"
    with pytest.raises(KeyError):
        subjects.stream_of(subjects.live("s"))


@given(NAMES, NAMES, st.integers(1, 1000), st.integers(1, 1000))
def test_ids_differ_wherever_the_thing_does(one: str, other: str, a: int, b: int) -> None:
    same = (one, a) == (other, b)
    assert (subjects.job_message_id(one, a, 1) == subjects.job_message_id(other, b, 1)) is same
    assert (subjects.widened_message_id(one, a, 1) == subjects.widened_message_id(other, b, 1)) is same
    assert subjects.widened_message_id(one, a, 1) != subjects.job_message_id(one, a, 1)
    assert (subjects.dead_message_id(one) == subjects.dead_message_id(other)) is (one == other)
    assert (subjects.dead_job_message_id(one) == subjects.dead_job_message_id(other)) is (one == other)
    assert (subjects.event_message_id(one, a) == subjects.event_message_id(other, b)) is same
    assert (subjects.job_id(one, a) == subjects.job_id(other, b)) is same
    assert subjects.job_message_id(one, a, 1) != subjects.job_message_id(one, a, 2)
    assert (subjects.hypothesis_message_id(one, a, 1) == subjects.hypothesis_message_id(other, b, 1)) is same
    assert subjects.hypothesis_message_id(one, a, 1) != subjects.hypothesis_message_id(one, a, 2)
    assert subjects.result_message_id(one, 1, "x") != subjects.result_message_id(one, 2, "x")
    assert subjects.speech_message_id(one, "en", a) != subjects.speech_message_id(one, "de", a)
    assert subjects.recording_message_id(one, 1, a) != subjects.recording_message_id(one, 2, a)
    assert (subjects.transcript_message_id(one, a) == subjects.transcript_message_id(other, b)) is same


@given(st.text(), NAMES)
def test_objects_are_in_their_store_whatever_their_name(name: str, nuid: str) -> None:
    declared = {config.name: config.subjects or [] for config in declare.streams()}
    for subject in (subjects.object_meta(subjects.UPLOADS, name), subjects.object_chunks(subjects.UPLOADS, nuid)):
        assert subjects.stream_of(subject) == subjects.object_store(subjects.UPLOADS)
        assert sum(matches(pattern, subject) for pattern in declared[subjects.stream_of(subject)]) == 1


def test_each_role_hears_its_answers_where_no_other_does_and_each_node_too() -> None:
    assert subjects.inbox("ingress") == "_INBOX_ingress"
    assert subjects.inbox("node-gpu-1") == "_INBOX_node.gpu-1"


def test_a_filler_is_in_its_stream_and_nobodys() -> None:
    for stream in (subjects.MAILBOX, subjects.JOBS, subjects.EVENTS, "KV_sessions"):
        assert subjects.stream_of(subjects.filler(stream)) == stream
    partitions = [subjects.mailbox_partition(number) for number in range(subjects.PARTITIONS)]
    assert not any(matches(partition, subjects.filler(subjects.MAILBOX)) for partition in partitions)
    assert not any(matches(lane, subjects.filler(subjects.JOBS)) for lane in ("job.node.*", "job.pool.*"))


def test_this_file_uses_every_builder() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    made = [
        name for name, each in inspect.getmembers(subjects, inspect.isfunction) if each.__module__ == "wire.subjects"
    ]
    assert [name for name in made if f"subjects.{name}" not in text] == []


def matches(pattern: str, subject: str) -> bool:
    wanted, tokens = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        return len(tokens) >= len(wanted) and all(w in ("*", t) for w, t in zip(wanted[:-1], tokens, strict=False))
    return len(tokens) == len(wanted) and all(w in ("*", t) for w, t in zip(wanted, tokens, strict=True))
