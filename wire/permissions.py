"""What a user of a NATS server may say and hear, from what its role does. PURE.

`deploy/nats/roles.toml` says it in the words of subjects.md: what a role publishes and subscribes, which streams it
reads, which it follows, from which queues it takes. JetStream knows only subjects: each of these is a few of its API's,
which are spelled out here. Whatever is not named is denied.

In roles.toml `<node>` and `<pool>` stand for the names of a node's user. A user for any node ("*") has a wildcard in
the place of every token that has one of them in it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence

import msgspec

from wire import subjects

ANY = "*"
HUB = "$JS.hub.API"
"""The API of a hub's JetStream, whose domain is "hub", as leaves ask for it."""


class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A durable consumer that the role makes and takes from; `leaves`: and deletes."""

    stream: str
    consumer: str
    filter: str
    leaves: bool = False


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`inbox` as in `subjects.inbox`; "" for who hears everything. `read`: streams whose messages it may get. `follow`:
    those that it may also be delivered. `purge`: those that it may take messages out of, `discard`: one by one.
    `declares`: it makes streams, brings them up to date and sees how full they are (nobody deletes any but who may do
    everything).
    `direct`: messages may be sent as they are, wherever the asker wants them: see deploy/nats/README.md.
    `deny`: of what `publish` allows. `shut`: streams that it may not look into in any way, where `publish` allows the
    API of the hub's domain."""

    inbox: str = ""
    publish: list[str] = []
    subscribe: list[str] = []
    read: list[str] = []
    follow: list[str] = []
    purge: list[str] = []
    discard: list[str] = []
    queues: list[Queue] = []
    declares: bool = False
    direct: bool = False
    deny: list[str] = []
    shut: list[str] = []


class Permissions(msgspec.Struct, frozen=True):
    """Subjects, with wildcards. `deny` takes away of `publish`."""

    publish: list[str]
    subscribe: list[str]
    deny: list[str] = []


def roles(text: str) -> dict[str, Role]:
    """Of roles.toml. Raises ValueError."""
    return msgspec.convert(tomllib.loads(text), dict[str, Role])


def of(role: Role, node: str = ANY, pools: Sequence[str] = (ANY,)) -> Permissions:
    """What a user in this role may do. For a node: as `node`, for `pools`."""
    inbox = subjects.inbox(role.inbox)
    heard = [*role.subscribe, f"{inbox}.>"] if role.inbox else role.subscribe
    said = [*role.publish, *(_jetstream(role) if role.inbox else ())]
    denied = [*role.deny, *(pattern for stream in role.shut for pattern in _shut(stream))]
    return Permissions(_named(said, node, pools), _named(heard, node, pools), denied)


def _jetstream(role: Role) -> Iterator[str]:
    api = "$JS.API"
    yield f"{api}.STREAM.NAMES"
    for stream in dict.fromkeys((*role.read, *role.follow, *role.purge)):
        yield f"{api}.STREAM.INFO.{stream}"
    for stream in (*role.read, *role.follow):
        yield f"{api}.STREAM.MSG.GET.{stream}"
        if role.direct:
            yield f"{api}.DIRECT.GET.{stream}"
            yield f"{api}.DIRECT.GET.{stream}.>"
    for stream in role.follow:
        yield f"{api}.CONSUMER.CREATE.{stream}"
        yield f"$JS.FC.{stream}.>"
    for stream in role.purge:
        yield f"{api}.STREAM.PURGE.{stream}"
    for stream in role.discard:
        yield f"{api}.STREAM.MSG.DELETE.{stream}"
    for queue in role.queues:
        where = f"{queue.stream}.{queue.consumer}"
        yield f"{api}.CONSUMER.CREATE.{where}.{queue.filter}"
        yield f"{api}.CONSUMER.INFO.{where}"
        yield f"{api}.CONSUMER.MSG.NEXT.{where}"
        yield f"$JS.ACK.{where}.>"
        if queue.leaves:
            yield f"{api}.CONSUMER.DELETE.{where}"
    if role.declares:
        yield f"{api}.STREAM.CREATE.*"
        yield f"{api}.STREAM.UPDATE.*"
        yield f"{api}.STREAM.INFO.*"  # how full each is (actors/survey.py)


def _shut(stream: str) -> Iterator[str]:
    """All ways to a stream's messages, to their subjects (which name tenants, sessions and keys), to those who read it,
    and to the keys of a bucket."""
    for verb in (
        "STREAM.MSG.GET", "DIRECT.GET", "STREAM.INFO", "CONSUMER.CREATE", "CONSUMER.DURABLE.CREATE",
        "CONSUMER.MSG.NEXT", "CONSUMER.DELETE", "CONSUMER.INFO", "CONSUMER.LIST", "CONSUMER.NAMES",
    ):  # fmt: skip
        yield f"{HUB}.{verb}.{stream}"
        yield f"{HUB}.{verb}.{stream}.>"
    if stream.startswith("KV_"):
        yield f"{HUB}.$KV.{stream.removeprefix('KV_')}.>"


def _named(patterns: Sequence[str], node: str, pools: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for pattern in patterns:
        for pool in pools if "<pool>" in pattern else (ANY,):
            found[".".join(_token(token, node, pool) for token in pattern.split("."))] = None
    return list(found)


def _token(token: str, node: str, pool: str) -> str:
    name = node if "<node>" in token else pool if "<pool>" in token else ""
    return ANY if name == ANY else token.replace("<node>", node).replace("<pool>", pool)
