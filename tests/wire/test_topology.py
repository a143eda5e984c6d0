from __future__ import annotations

from tests.nats_server import CONFIG
from tests.wire.test_subjects import matches
from wire import subjects, topology


def test_no_subject_is_in_two_streams() -> None:
    patterns = [pattern for stream in topology.STREAMS for pattern in stream.subjects]
    heads = [pattern.split(".")[0] for pattern in patterns]
    assert len(set(heads)) == len(heads)
    assert not any(matches(pattern, subjects.live("s")) for pattern in patterns)
    assert not any(matches(pattern, subjects.stored(subjects.event("s"))) for pattern in patterns)


def test_a_record_outlives_two_missed_heartbeats_and_an_id_outlives_every_retry() -> None:
    (nodes,) = [bucket for bucket in topology.BUCKETS if bucket.name == subjects.NODES_KV]
    assert nodes.ttl_s == 3 * topology.HEARTBEAT_S
    assert topology.DEDUP_S >= 10 * topology.ACK_WAIT_S


def test_all_streams_fit_into_the_servers_store() -> None:
    """A server refuses a stream whose limit does not fit, although nothing is in it yet."""
    wanted = sum(each.max_bytes for each in (*topology.STREAMS, *topology.BUCKETS))
    (line,) = [line for line in CONFIG.read_text().splitlines() if line.strip().startswith("max_file_store")]
    granted = int(line.split(":")[1].strip().removesuffix("GB")) * 1000**3
    assert wanted <= granted


def test_names_of_buckets_can_be_names_of_streams() -> None:
    for bucket in topology.BUCKETS:
        assert subjects.token(bucket.name) == bucket.name
        assert bucket.description.startswith("<")
