"""Carries decided attempts to nodes: reserve a slot, bind, publish. One view of the fleet for all sessions.

The view is kept in memory by watching the buckets `nodes` and `slots`; a decision (`actors.dispatch`) reads only that,
and no KV. A watch is a hint: whether a slot is free is decided by `create` on its key, and where that fails the next
candidate is tried. A slot is one key with a time to live, so there is no counter to leak: whoever took it deletes it
when the job ends, and if they died it goes by itself.

    1  slots/<node>.<i>      create; with no slot anywhere the job goes to the pool's lane, and who pulls it marks one
       bindings/<s>.<u>      at the same time: create, or for a later attempt compare-and-set. A second owner's is
                             refused, and the same attempt found there already is adopted, with the place it names
    2  job.node.<node> or job.pool.<pool>, under the attempt's id: the second time is dropped
    3  slots/<node>.<i>      of the attempt before this one: deleted, where it is still that attempt's

Slot and binding know nothing of each other, so both are asked for in one round trip. Where the slot turns out to be
another's, the binding names the wrong place, and is renewed together with the next try; the job is published only when
both stand. Each step is safe to repeat after a crash, whatever of the two was written:

    slot, no binding         the slot's time runs out; who repeats this takes another
    binding, no slot of its  who repeats this adopts the binding and publishes where it points. A slot that is named
    own                      there is a hint to the node: it runs no more jobs than it has slots, marks what has no mark
                             and never takes away another's
    both                     adopted and published; if the job was on its lane already, the second is dropped

A node that lost an attempt and left its mark standing, or has not begun in time what a slot was reserved for, froze,
died or is cut off. Its slot is freed, and until its heart is heard again it is given nothing. Should it begin yet,
it marks the slot anew, and runs no more jobs than it has slots.

A piece of a recording is bound, and published on its pool's batch; it has no slot, for it may wait there long. The node
that takes it marks one.

Schedulers that have the same view choose alike. One that saw another's mark lately tries the slots of a node in random
order, so that they seldom reach for the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from actors.commands import RunJob
from actors.dispatch import Decision, NodeView, decide
from actors.refusals import in_words
from actors.tracing import dispatched, of_job
from wire import matching, subjects, topology
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.bus import Bus
from wire.errors import QueueFull, Stale, Unavailable
from wire.fleet import FleetView
from wire.jobs import Job
from wire.kv import Bucket
from wire.log import get
from wire.matching import Need, Rules
from wire.messages import JobUnplaced
from wire.records import BindingRecord, DeadJob, NodeRecord, SlotRecord

log = get(__name__)

SLOT_BASE_S = 20
SLOT_PER_AUDIO_S = 4
"""A slot is reserved for so long at first; the node that runs the job holds on to it for as long as it needs."""
UNCERTAIN_S = 1.0
"""A slot that could not be taken is not tried again for so long, unless the watch says that it is free."""
CONTENDED_S = 10.0
"""Another scheduler's mark, or a slot that it took first, is lately for so long."""
FEW = 64
"""In a larger pool so many nodes, by chance, are asked first."""
REMEMBERED_SESSIONS = 10_000
REMEMBERED_NODES = 1000
"""Of nodes that are gone, no more than these have their slots remembered after the slots' time."""


class Reserved(msgspec.Struct, frozen=True):
    """A slot that is ours. `revision` is that of its key."""

    node: str
    slot: int
    revision: int


class Bound(msgspec.Struct, frozen=True):
    """The binding as it stands. `adopted`: this attempt was bound before, by whoever. `before`: what this attempt has
    taken the place of."""

    record: BindingRecord
    revision: int
    adopted: bool = False
    before: BindingRecord | None = None


class Dispatcher:
    """`refusals` counts nodes refused by reason. Of `counters`, `slot_conflicts` are slots that another took first, and
    `jobs_to_lane`, `jobs_to_pool` and `jobs_to_batch` say where jobs went."""

    def __init__(self, bus: Bus, instance: str, rules: Rules) -> None:
        self._bus = bus
        self._instance = instance
        self._rules = rules
        self._fleet = FleetView()
        self._taken: dict[str, dict[int, float]] = {}  # node -> slot -> until when, by the monotonic clock
        self._mute: dict[str, float] = {}  # node -> until when, by the monotonic clock
        self._contended_until = 0.0
        self._random = random.Random()
        self._served: dict[str, str] = {}
        self._nodes_kv = Bucket(bus, subjects.NODES_KV, NodeRecord)
        self._slots_kv = Bucket(bus, subjects.SLOTS_KV, SlotRecord)
        self._bindings = Bucket(bus, subjects.BINDINGS_KV, BindingRecord)
        self.refusals: Counter[str] = Counter()
        self.counters: Counter[str] = Counter()

    # --- the view ---

    @property
    def nodes(self) -> list[NodeRecord]:
        """All whose heart beats."""
        return self._fleet.everywhere()

    async def watch_nodes(self) -> None:
        await self._nodes_kv.follow(self._node_changed)

    def _node_changed(self, node: str, record: NodeRecord | None) -> None:
        self._mute.pop(node, None)
        self._fleet.apply(node, record)

    async def watch_slots(self) -> None:
        await self._slots_kv.follow(self._slot_changed)

    def _slot_changed(self, key: str, record: SlotRecord | None) -> None:
        node, slot = subjects.slot_of_key(key)
        taken = self._slots_of(node)
        if record is None:
            taken.pop(slot, None)
            return
        now = time.monotonic()
        taken[slot] = now + record.seconds
        if record.by not in (self._instance, node):
            self._contended_until = now + CONTENDED_S

    def _decide(self, need: Need) -> Decision:
        """To ask a node takes some 6 µs. So in a large pool a few are asked, and all of them only where none of the few
        can do all of it at once: the best of so many is nearly as good as the best of all (docs/scaling.md)."""
        nodes = self._fleet.beating(need.pool)
        if len(nodes) > FEW:
            few = {node.node: node for node in self._random.sample(nodes, FEW)}
            if (last := self._fleet.node(need.last)) is not None:
                few[last.node] = last
            if matching.served(need, few.values()) == need:  # or else others may have what these lack
                found = decide(need, self._views(few.values()), self._rules)
                if found.whole and found.candidates:
                    return found
        return decide(need, self._views(nodes), self._rules)

    def _nodes(self, pool: str) -> list[NodeView]:
        return self._views(self._fleet.beating(pool))

    def _views(self, nodes: Iterable[NodeRecord]) -> list[NodeView]:
        now = time.monotonic()
        if len(self._taken) > len(self._fleet) + REMEMBERED_NODES:
            self._taken = {node: slots for node, slots in self._taken.items() if max(slots.values(), default=0) > now}
        return [
            NodeView(
                record,
                frozenset(
                    slot for slot, until in self._slots_of(record.node).items() if until > now and slot < record.slots
                ),
                online=self._mute.get(record.node, 0) <= now,
            )
            for record in nodes
        ]

    def _slots_of(self, node: str) -> dict[int, float]:
        return self._taken.setdefault(node, {})

    # --- attempts ---

    async def run(self, command: RunJob) -> None:
        """Reserve, bind and publish. Raises Stale where a newer attempt is bound, QueueFull, NatsUnavailable."""
        job, began = command.job, time.time()
        need = matching.need_of(job, command.excluded, self._served.get(job.session, ""))
        decision = self._decide(need)
        self.refusals.update(decision.refused)
        if job.recorded:
            placed = await self._queue(command)
        else:
            placed = await self._send(decision, command, need)
        self.counters["jobs"] += 1
        dispatched(job, began, placed.record, command.excluded)
        if not decision.capable:
            await self._say_unplaced(job, in_words(decision.refused, job))
        if placed.before is not None and placed.before.node in command.excluded:
            await self._take_back(placed.before)

    async def _queue(self, command: RunJob) -> Bound:
        job = command.job
        bound = await self._bind(command.binding, None)
        id = subjects.job_message_id(job.session, job.utterance, job.attempt)
        await self._bus.store(subjects.batch(job.pool), job, id=id, headers=of_job(job))
        self.counters["jobs_to_batch"] += 1
        return bound

    async def _send(self, decision: Decision, command: RunJob, need: Need) -> Bound:
        job = command.job
        placed, reserved = await self._place(decision, job, command.binding)
        if placed.adopted:  # it names any of all nodes
            decision = decide(need, self._nodes(job.pool), self._rules)
        bound = placed.record
        node = next((node for node in decision.capable if node.record.node == bound.node), None)
        if node is None:  # no slot was free, or what was adopted names a node that is gone
            where = subjects.job_pool(job.pool)
        else:
            where = subjects.job_node(bound.node)
            job = job if decision.whole else matching.part(job, node.record)
            self._remember(job.session, bound.node)
        named = subjects.widened_message_id if node is None else subjects.job_message_id
        try:
            id = named(job.session, job.utterance, job.attempt)
            await self._bus.store(where, job, id=id, headers=of_job(job))
        except QueueFull:
            await self._release(reserved)
            raise
        self.counters["jobs_to_pool" if node is None else "jobs_to_lane"] += 1
        return placed

    async def widen(self, job: Job) -> None:
        """Publish it on the pool's lane as well, unless it is there. Raises QueueFull, NatsUnavailable."""
        id = subjects.widened_message_id(job.session, job.utterance, job.attempt)
        stored = await self._bus.store(subjects.job_pool(job.pool), job, id=id, headers=of_job(job))
        if stored.duplicate:
            return
        self.counters["jobs_widened"] += 1
        found = await self._bindings.entry(subjects.binding_key(job.session, job.utterance))
        if found is not None and (found[0].attempt, found[0].state) == (job.attempt, "sent") and found[0].node:
            await self._take_back(found[0])

    async def withdraw(self, binding: BindingRecord) -> None:
        """Nodes that come to an earlier attempt drop it. Raises NatsUnavailable."""
        with contextlib.suppress(Stale):
            await self._bind(binding, None)
            self.counters["jobs_withdrawn"] += 1

    async def _say_unplaced(self, job: Job, reason: str) -> None:
        """The session is told by mail, like all that it knows: should nobody come in time, its client reads the
        reason."""
        log.info("no node can take this job now", job=job.job, attempt=job.attempt, reason=reason)
        unplaced = JobUnplaced(
            job=job.job, utterance=job.utterance, attempt=job.attempt, node=self._instance, reason=reason
        )
        id = subjects.result_message_id(job.job, job.attempt, "unplaced")
        await self._bus.store(subjects.mailbox(job.session, "node"), unplaced, id=id)
        self.counters["jobs_unplaced"] += 1

    async def bury(self, dead: DeadJob, job: Job | None = None) -> None:
        """With the `job` itself, where it is kept."""
        log.error("a job was given up", job=dead.job, attempts=dead.attempts, history=dead.history)
        if job is not None:
            where = subjects.dead_job(dead.pool, dead.session, dead.utterance)
            await self._bus.store(where, job, id=subjects.dead_job_message_id(dead.job))
        await self._bus.store(subjects.dead(dead.pool, dead.session), dead, id=subjects.dead_message_id(dead.job))
        self.counters["jobs_dead"] += 1

    # --- slot and binding ---

    async def _place(self, decision: Decision, job: Job, binding: BindingRecord) -> tuple[Bound, Reserved | None]:
        """Reserve and bind, until both name the same place. Returns the binding, and the slot where it is ours."""
        bound: Bound | None = None
        for node, slot in self._places(decision):
            wanted = msgspec.structs.replace(binding, node=node, slot=slot)
            reserved, found = await asyncio.gather(
                self._reserve(node, slot, job), self._bind(wanted, bound), return_exceptions=True
            )
            if isinstance(found, BaseException):
                await self._release(reserved)
                raise found
            bound = found
            if bound.adopted and (bound.record.node, bound.record.slot) != (node, slot):
                await self._release(reserved)
                return bound, None
            if isinstance(reserved, BaseException):
                raise reserved
            if bound.adopted or reserved is not None:
                return bound, reserved
        return await self._bind(binding, bound), None

    def _places(self, decision: Decision) -> Iterator[tuple[str, int]]:
        """(node, slot), the best first. Each is marked in the view before it is asked for, so that the sessions of this
        process do not race for it; what the watch says later wins."""
        for node in decision.candidates:
            name, slots = node.record.node, node.free
            if time.monotonic() < self._contended_until:
                self._random.shuffle(slots)
            for slot in slots:
                taken, now = self._slots_of(name), time.monotonic()
                if taken.get(slot, 0) <= now:
                    taken[slot] = now + UNCERTAIN_S
                    yield name, slot

    async def _reserve(self, node: str, slot: int, job: Job) -> Reserved | None:
        """None: another has it."""
        length = len(job.pcm) / (SAMPLE_RATE * BYTES_PER_SAMPLE)
        seconds = round(SLOT_BASE_S + SLOT_PER_AUDIO_S * length)
        record = SlotRecord(job=job.job, session=job.session, attempt=job.attempt, by=self._instance, seconds=seconds)
        revision = await self._slots_kv.create(subjects.slot_key(node, slot), record, ttl=seconds)
        if revision is not None:
            self._slots_of(node)[slot] = time.monotonic() + seconds
            return Reserved(node, slot, revision)
        self.counters["slot_conflicts"] += 1
        self._contended_until = time.monotonic() + CONTENDED_S
        return None

    async def _release(self, reserved: Reserved | BaseException | None) -> None:
        if isinstance(reserved, Reserved):
            try:
                await self._slots_kv.delete(subjects.slot_key(reserved.node, reserved.slot), reserved.revision)
            except (Stale, Unavailable) as error:
                log.info("a slot goes by itself", node=reserved.node, slot=reserved.slot, reason=error.code)

    async def _take_back(self, before: BindingRecord) -> None:
        """Delete the mark of an attempt that its node has lost, if it is still there; that node is mute then."""
        key = subjects.slot_key(before.node, before.slot)
        try:
            found = await self._slots_kv.entry(key)
            if found is None or (found[0].job, found[0].attempt) != (before.job, before.attempt):
                return
            await self._slots_kv.delete(key, found[1])
        except (Stale, Unavailable) as error:
            log.info("a slot goes by itself", node=before.node, slot=before.slot, reason=error.code)
            return
        now = time.monotonic()
        self._mute = {node: until for node, until in self._mute.items() if until > now}
        self._mute[before.node] = now + 3 * topology.HEARTBEAT_S
        self.counters["slots_taken_back"] += 1
        log.info("a slot was taken back", node=before.node, slot=before.slot, job=before.job, attempt=before.attempt)

    async def _bind(self, binding: BindingRecord, mine: Bound | None) -> Bound:
        """`mine` is what this call's predecessor wrote. Raises Stale where a newer attempt is bound."""
        key = subjects.binding_key(binding.session, binding.utterance)
        if mine is None and binding.attempt == 1 and (created := await self._bindings.create(key, binding)) is not None:
            return Bound(binding, created)
        before = mine.before if mine is not None else None
        found = (mine.record, mine.revision) if mine is not None else await self._bindings.entry(key)
        while True:
            if found is None:
                if (created := await self._bindings.create(key, binding)) is not None:
                    return Bound(binding, created)
            else:
                bound, revision = found
                if bound.attempt > binding.attempt:
                    raise Stale(f"{key} is bound to attempt {bound.attempt}")
                if bound.attempt == binding.attempt and (mine is None or revision != mine.revision):
                    self.counters["jobs_adopted"] += 1
                    return Bound(bound, revision, adopted=True)
                before = bound if bound.attempt < binding.attempt else before
                with contextlib.suppress(Stale):
                    return Bound(binding, await self._bindings.renew(key, binding, revision), before=before)
            found = await self._bindings.entry(key)

    def _remember(self, session: str, node: str) -> None:
        self._served.pop(session, None)
        self._served[session] = node
        while len(self._served) > REMEMBERED_SESSIONS:
            del self._served[next(iter(self._served))]
