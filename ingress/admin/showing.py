"""Records of the fleet as operators are told them. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ingress.admin.told import NodeShown, PoolShown, SchedulerShown, SessionCounts, SessionPage, SessionShown
from wire import subjects
from wire.line import held
from wire.messages import Message
from wire.options import Options
from wire.records import AdmissionRecord, DrainRecord, LineRecord, NodeRecord, SchedulerRecord


class SessionBrief(msgspec.Struct, frozen=True):
    """Of a session's snapshot, what operators are shown. Its id stands in its key, too."""

    session: str = ""
    tenant: str = "default"
    pool: str = "default"
    ingress: str = ""
    phase: str = "new"
    source: str = "auto"
    targets: list[str] = []
    speech: bool = False
    options: Options = Options()
    opened_at: float = 0.0
    next_utterance: int = 1


class SessionSeen(Message, frozen=True, kw_only=True, tag="session"):
    """`sessions/<p>.<session>`, as the scheduler writes it."""

    state: SessionBrief


def nodes(found: Mapping[str, NodeRecord], drains: Mapping[str, DrainRecord]) -> list[NodeShown]:
    """Each by its key's name, under which it can be drained, whatever its record says that it is called."""
    return [_node(name, record, drains.get(name)) for name, record in sorted(found.items())]


def _node(name: str, record: NodeRecord, drain: DrainRecord | None) -> NodeShown:
    return NodeShown(
        node=name, version=record.version, pools=record.pools, slots=record.slots, busy=record.busy,
        ready=record.ready, draining=record.draining, device=record.device, models=record.models,
        cpu_percent=record.cpu_percent, memory_mb=record.memory_mb, foreign_load=record.foreign_load,
        dedicated=record.dedicated, gpus=record.gpus, rtf=record.rtf, drained=drain is not None,
        drained_by=drain.by if drain else "", drained_at=drain.at if drain else 0.0,
    )  # fmt: skip


def schedulers(found: Mapping[str, SchedulerRecord]) -> list[SchedulerShown]:
    return [
        SchedulerShown(instance=name, partitions=each.partitions, sessions=each.sessions, version=each.version)
        for name, each in sorted(found.items())
    ]


def pools(
    found: Iterable[NodeRecord],
    admission: Mapping[str, AdmissionRecord],
    lines: Mapping[str, LineRecord],
    now: float,
) -> list[PoolShown]:
    """All that a node serves or somebody waits for. `now`: seconds since the epoch."""
    records = list(found)
    by_pool: dict[str, list[LineRecord]] = {}
    for key, line in lines.items():
        by_pool.setdefault(subjects.line_of_key(key)[0], []).append(line)
    names = {pool for node in records for pool in node.pools} | by_pool.keys()
    return [_pool(name, records, admission.get(name), by_pool.get(name, []), now) for name in sorted(names)]


def _pool(
    pool: str, found: Iterable[NodeRecord], admission: AdmissionRecord | None, lines: Iterable[LineRecord], now: float
) -> PoolShown:
    working = [node for node in found if pool in node.pools and node.ready and not node.draining]
    lines = list(lines)
    tickets = [ticket for line in lines for ticket in line.waiting]
    shown = PoolShown(
        pool=pool, nodes=len(working), slots=sum(node.slots for node in working),
        busy=sum(node.busy for node in working), held=sum(held(line).sessions for line in lines),
        waiting=len(tickets), waiting_s=round(max((now - each.since for each in tickets), default=0.0), 1),
    )  # fmt: skip
    if admission is None:
        return shown
    return msgspec.structs.replace(
        shown, capacity=round(admission.capacity, 2), used=round(admission.used, 2),
        streams=round(admission.streams, 1), a_minute=admission.a_minute, prices=admission.prices,
        limits=admission.limits, closed=admission.closed,
    )  # fmt: skip


# --- sessions ---


def counts(sessions: Iterable[SessionBrief]) -> SessionCounts:
    found = list(sessions)
    live = [each for each in found if not each.options.recorded]
    return SessionCounts(
        open=sum(each.phase == "open" for each in live),
        closing=sum(each.phase == "closing" for each in live),
        recorded=len(found) - len(live),
    )


def page(sessions: Sequence[SessionBrief], search: str, offset: int, limit: int) -> SessionPage:
    """Those in which each word of `search` occurs: in an id, a tenant, a language, an ingress or a state."""
    words = search.lower().split()
    matching = [each for each in sessions if all(word in _searched(each) for word in words)]
    shown = [_session(each) for each in matching[offset : offset + limit]]
    return SessionPage(total=len(matching), offset=offset, sessions=shown)


def _searched(each: SessionBrief) -> str:
    found = (each.session, each.tenant, each.ingress, each.phase, each.pool, each.source, *each.targets)
    return " ".join(found).lower()


def _session(each: SessionBrief) -> SessionShown:
    return SessionShown(
        session=each.session, tenant=each.tenant, state=each.phase, source=each.source, targets=each.targets,
        speech=each.speech, recorded=each.options.recorded, ingress=each.ingress, pool=each.pool,
        opened=round(each.opened_at, 3), utterances=each.next_utterance - 1,
    )  # fmt: skip
