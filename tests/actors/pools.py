"""Nodes, lines and waiting people, for tests of admission."""

from __future__ import annotations

from typing import Any

import msgspec

from wire.records import Held, LineRecord, NodeRecord, Ticket

NODE = NodeRecord(
    node="n1",
    version="1",
    pools=["default"],
    slots=1,
    busy=0,
    ready=True,
    draining=False,
    device="cpu",
    models=["scripted"],
    sources=["en"],
    targets={},
    voices={},
    cpu_percent=0.0,
    memory_mb=0.0,
    gpus=[],
)


def node(name: str = "n1", **fields: Any) -> NodeRecord:
    return msgspec.structs.replace(NODE, node=name, **fields)


def ticket(id: str, tenant: str = "a", since: float = 0.0, targets: int = 0, spoken: int = 0) -> Ticket:
    return Ticket(id=id, tenant=tenant, since=since, targets=targets, spoken=spoken)


def line(ingress: str, *waiting: Ticket, seen: int = 0, **has: int | Held) -> LineRecord:
    """`has` are sessions by tenant."""
    held = {tenant: Held(sessions=use) if isinstance(use, int) else use for tenant, use in has.items()}
    return LineRecord(ingress=ingress, seen=seen, held=held, waiting=list(waiting))
