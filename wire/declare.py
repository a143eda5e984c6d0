"""wire.topology in nats-py's words: the configurations that `wire.bus.Bus` sends to the server."""

from __future__ import annotations

from collections.abc import Iterator

from nats.js import api

from wire import topology

REPLICAS = 3
"""Of each stream in a cluster: any one server may be lost."""


def streams(replicas: int = 1) -> Iterator[api.StreamConfig]:
    """All streams, then those behind the KV buckets, then those behind the object stores."""
    for stream in topology.STREAMS:
        yield api.StreamConfig(
            name=stream.name,
            description=stream.description,
            subjects=list(stream.subjects),
            retention=api.RetentionPolicy(stream.retention),
            storage=api.StorageType(stream.storage),
            discard=api.DiscardPolicy(stream.discard),
            num_replicas=replicas,
            max_age=stream.max_age_s,
            max_bytes=stream.max_bytes,
            max_msgs_per_subject=stream.per_subject,
            duplicate_window=min(stream.dedup_s, stream.max_age_s or stream.dedup_s),
            allow_direct=True,
            republish=api.RePublish(src=">", dest=f"{stream.republish_to}.>") if stream.republish_to else None,
            allow_msg_ttl=stream.message_ttl or None,
        )
    for bucket in topology.BUCKETS:
        yield api.StreamConfig(
            name=f"KV_{bucket.name}",
            description=bucket.description,
            subjects=[f"$KV.{bucket.name}.>"],
            max_msgs_per_subject=1,
            max_age=bucket.ttl_s,
            max_bytes=bucket.max_bytes,
            storage=api.StorageType.FILE,
            discard=api.DiscardPolicy(bucket.discard),
            num_replicas=replicas,
            duplicate_window=min(topology.DEDUP_S, bucket.ttl_s or topology.DEDUP_S),
            allow_direct=True,
            deny_delete=True,  # and no rollups: with one message whoever may write a key would take all others away
            allow_msg_ttl=True,
        )
    for store in topology.STORES:
        yield api.StreamConfig(
            name=f"OBJ_{store.name}",
            description=store.description,
            subjects=[f"$O.{store.name}.C.>", f"$O.{store.name}.M.>"],
            max_age=store.ttl_s,
            max_bytes=store.max_bytes,
            storage=api.StorageType.FILE,
            discard=api.DiscardPolicy.NEW,
            num_replicas=replicas,
            duplicate_window=topology.DEDUP_S,
            allow_direct=True,
            allow_rollup_hdrs=True,
        )


def queue(
    durable: str,
    subject: str,
    in_flight: int,
    idle_s: float | None = None,
    *,
    deliveries: int = topology.MAX_DELIVER + 1,
    ack_wait_s: float = topology.ACK_WAIT_S,
) -> api.ConsumerConfig:
    """A work-queue consumer. One delivery more than the node's own limit, in case the node's word about it fails.
    It goes by itself when nobody has asked it for `idle_s` seconds (None: never)."""
    return api.ConsumerConfig(
        name=durable,  # so that it is asked for on a subject that ends in the filter: permissions see both
        durable_name=durable,
        filter_subject=subject,
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=ack_wait_s,
        max_deliver=deliveries,
        max_ack_pending=in_flight,
        inactive_threshold=idle_s,
    )


def reader(after: int) -> api.ConsumerConfig:
    """An ordered reader of what is over this sequence."""
    return api.ConsumerConfig(deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1)
