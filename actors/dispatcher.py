"""Carries decided attempts to nodes: reserve a slot, bind, publish. One view of the fleet for all sessions.

The view is kept in memory by watching the buckets `nodes` and `slots`; a decision (`actors.dispatch`) reads only that,
and no KV. A watch is a hint: whether a slot is free is decided by `create` on its key, and where that fails the next
candidate is tried. A slot is one key with a time to live, so there is no counter to leak: whoever took it deletes it
when the job ends, and if they died it goes by itself.

    1  slots/<node>.<i>      create; with no slot anywhere the job goes to the pool's lane, and who pulls it marks one
    2  bindings/<s>.<u>      create, or for a later attempt compare-and-set: a second owner's is refused, and the same
                             attempt found there already is adopted
    3  job.node.<node> or job.pool.<pool>, under the attempt's id: the second time is dropped

Each step is safe to repeat after a crash; at worst a slot stays taken until its time is over.
"""

from __future__ import annotations

import time
from collections import Counter

import msgspec

from actors.commands import RunJob
from actors.dispatch import Decision, Need, NodeView, Rules, decide
from wire import subjects
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.bus import Bus
from wire.errors import Stale
from wire.fleet import FleetView
from wire.kv import Bucket
from wire.languages import translates
from wire.log import get
from wire.messages import BindingRecord, DeadJob, Job, SlotRecord

log = get(__name__)

SLOT_BASE_S = 20
SLOT_PER_AUDIO_S = 4
"""A slot is reserved for so long at first; the node that runs the job holds on to it for as long as it needs."""
REMEMBERED_SESSIONS = 10_000


class Dispatcher:
    """`refusals` counts nodes refused by reason, `conflicts` slots that another took first."""

    def __init__(self, bus: Bus, instance: str, rules: Rules) -> None:
        self._bus = bus
        self._instance = instance
        self._rules = rules
        self._fleet = FleetView()
        self._slots: dict[tuple[str, int], float] = {}
        self._served: dict[str, str] = {}
        self._slots_kv = Bucket(bus, subjects.SLOTS_KV, SlotRecord)
        self._bindings = Bucket(bus, subjects.BINDINGS_KV, BindingRecord)
        self.refusals: Counter[str] = Counter()
        self.counters: Counter[str] = Counter()

    # --- the view ---

    async def watch_nodes(self) -> None:
        await self._fleet.follow(self._bus)

    async def watch_slots(self) -> None:
        await self._slots_kv.follow(self._slot_changed)

    def _slot_changed(self, key: str, record: SlotRecord | None) -> None:
        slot = subjects.slot_of_key(key)
        if record is None:
            self._slots.pop(slot, None)
        else:
            self._slots[slot] = time.monotonic() + record.seconds

    def _nodes(self, pool: str) -> list[NodeView]:
        now = time.monotonic()
        return [
            NodeView(
                record,
                frozenset(slot for slot in range(record.slots) if self._slots.get((record.node, slot), 0) > now),
            )
            for record in self._fleet.beating(pool)
        ]

    # --- attempts ---

    async def run(self, command: RunJob) -> None:
        """Reserve, bind and publish. Raises Stale where a newer attempt is bound, QueueFull, NatsUnavailable."""
        job = command.job
        need = Need(
            pool=job.pool,
            source=job.source,
            targets=[target for target in job.targets if target not in job.translations],
            speak=job.speak,
            heard=bool(job.transcript),
            excluded=command.excluded,
            last=self._served.get(job.session, ""),
        )
        decision = decide(need, self._nodes(job.pool), self._rules)
        self.refusals.update(decision.refused)
        chosen = await self._reserve(decision, job)
        if chosen is None:
            where, binding = subjects.job_pool(job.pool), command.binding
            if not decision.capable:
                log.warning("no node can take this job now", job=job.job, refused=decision.refused)
        else:
            node, slot = chosen
            job = job if decision.whole else _part(job, node)
            where = subjects.job_node(node.record.node)
            binding = msgspec.structs.replace(command.binding, node=node.record.node, slot=slot)
            self._remember(job.session, node.record.node)
        if not await self._bind(binding):
            self.counters["jobs_adopted"] += 1
        await self._bus.store(where, job, id=subjects.job_message_id(job.session, job.utterance, job.attempt))
        self.counters["jobs"] += 1

    async def widen(self, job: Job) -> None:
        """Publish it on the pool's lane as well. Raises QueueFull, NatsUnavailable."""
        id = subjects.widened_message_id(job.session, job.utterance, job.attempt)
        await self._bus.store(subjects.job_pool(job.pool), job, id=id)
        self.counters["jobs_widened"] += 1

    async def bury(self, dead: DeadJob) -> None:
        log.error("a job was given up", job=dead.job, attempts=dead.attempts, history=dead.history)
        await self._bus.store(subjects.dead(dead.pool, dead.session), dead, id=subjects.dead_message_id(dead.job))
        self.counters["jobs_dead"] += 1

    async def _reserve(self, decision: Decision, job: Job) -> tuple[NodeView, int] | None:
        length = len(job.pcm) / (SAMPLE_RATE * BYTES_PER_SAMPLE)
        seconds = round(SLOT_BASE_S + SLOT_PER_AUDIO_S * length)
        record = SlotRecord(job=job.job, session=job.session, attempt=job.attempt, by=self._instance, seconds=seconds)
        for node in decision.candidates:
            for slot in node.free:
                key = (node.record.node, slot)
                if await self._slots_kv.create(subjects.slot_key(*key), record, ttl=seconds) is not None:
                    self._slots[key] = time.monotonic() + seconds
                    return node, slot
                self.counters["slot_conflicts"] += 1
                self._slots.setdefault(key, time.monotonic() + 1)
        return None

    async def _bind(self, binding: BindingRecord) -> bool:
        """False: this attempt is bound already, and is adopted. Raises Stale where a newer one is."""
        key = subjects.binding_key(binding.session, binding.utterance)
        if binding.attempt == 1 and await self._bindings.create(key, binding) is not None:
            return True
        while True:
            found = await self._bindings.entry(key)
            if found is None:
                if await self._bindings.create(key, binding) is not None:
                    return True
                continue
            bound, revision = found
            if bound.attempt > binding.attempt:
                raise Stale(f"{key} is bound to attempt {bound.attempt}")
            if bound.attempt == binding.attempt:
                return False
            try:
                await self._bindings.renew(key, binding, revision)
            except Stale:
                continue
            return True

    def _remember(self, session: str, node: str) -> None:
        self._served.pop(session, None)
        self._served[session] = node
        while len(self._served) > REMEMBERED_SESSIONS:
            del self._served[next(iter(self._served))]


def _part(job: Job, node: NodeView) -> Job:
    """What this node can do of the job; the rest is another attempt's."""
    can = [
        target for target in job.targets if target in job.translations or translates(node.record, job.source, target)
    ]
    return msgspec.structs.replace(
        job, targets=can, speak=[target for target in job.speak if target in can and target in node.record.voices]
    )
