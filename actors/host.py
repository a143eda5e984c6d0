"""What carries the session actors of one partition: feeds them mail, wakes them at deadlines, does what they command.

One follower reads the partition's mailbox in order; a message costs one dict look-up and one call of a pure function.
Commands are carried out by one task for each session that has any, in order, so that a session never overtakes itself
and never waits for another. Every command is safe to repeat, so after a crash the next scheduler simply issues them
again:

    RunJob        a slot, the binding and the job are made once: see `actors.dispatcher`
    TellClient    appended with the expectation that the subject's last message is the one before it: a second owner's
                  append is refused; if what stands there is this very event, it was told already
    SaveSnapshot  the state as it was when the command was issued, after all commands before it

A job whose audio is gone is not published: its utterance is told so, by mail like all that a session knows.

Nothing is carried out unless the partition's lease holds (`owns`), so that an owner that was paused and wakes up does
nothing any more; should it lose the lease in that very moment, the expectations above refuse it.

Time is the server's: stamps of messages set the clock, and between two messages the local clock carries it on.
Before a deadline is fired, the stream is asked whether it holds mail that has not come yet: that is stamped earlier,
and a replay would fold it in first. What is stored later is stamped later.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from actors.census import Census
from actors.clock import StreamClock
from actors.commands import (
    BuryJob,
    Command,
    EndSession,
    RunJob,
    RunPartial,
    SaveSnapshot,
    TellClient,
    TellLive,
    WidenJob,
    WithdrawJob,
    passing,
)
from actors.dispatcher import Dispatcher
from actors.history import History
from actors.jobs import lacks_audio, refusal
from actors.lag import Lags
from actors.outcomes import NO_ANSWER
from actors.restoring import restored
from actors.session import Session
from actors.state import SessionRecord
from actors.tracing import Traces, of_event
from wire import newer, schema, subjects
from wire.bus import Bus, Delivered
from wire.env import SchedulerSettings
from wire.errors import ProtocolViolation, QueueFull, Stale, Unavailable
from wire.jobs import Job
from wire.kv import Bucket
from wire.log import bind, get
from wire.messages import ClientMail, ControlMail, JobStarted, NodeMail, SessionOpened, decode
from wire.protocol import ClientEvent

log = get(__name__)

GRACE_S = 0.05
TICK_S = 0.1
UNKNOWN = -1
RETRY_S = 0.5
MAIL = {"client": ClientMail, "node": NodeMail, "control": ControlMail}


class Actor:
    """A session with what the host knows about it. `told` is the last event number that the stream holds, at
    `event_sequence`; UNKNOWN until it was looked up."""

    __slots__ = ("event_sequence", "session", "todo", "told", "wake", "work")

    def __init__(self, session: Session, told: int, event_sequence: int) -> None:
        self.session = session
        self.told = told
        self.event_sequence = event_sequence
        self.todo: list[tuple[Command, bytes, float]] = []  # a deque takes 760 bytes to hold nothing
        self.work: asyncio.Task[None] | None = None
        self.wake = float("inf")

    @property
    def name(self) -> str:
        return self.session.state.session


class Host:
    """The sessions of `partition`. `counters` are shared by all hosts of a scheduler."""

    def __init__(
        self,
        bus: Bus,
        settings: SchedulerSettings,
        dispatcher: Dispatcher,
        partition: int,
        owns: Callable[[], bool],
        counters: Counter[str],
        history: History,
    ) -> None:
        self._bus = bus
        self._settings = settings
        self._dispatcher = dispatcher
        self._partition = partition
        self._owns = owns
        self._history = history
        self._tasks: asyncio.TaskGroup
        self._actors: dict[str, Actor] = {}
        self._wakes: list[tuple[float, str]] = []
        self._confirming = False
        self._clock = StreamClock()
        self._closed: dict[str, int] = {}
        self._again = asyncio.Event()
        self._replay_until = UNKNOWN
        self._seen, self._seen_at = 0, 0.0
        self._traces = Traces()
        self._sessions = Bucket(bus, subjects.SESSIONS_KV, SessionRecord)
        self.counters = counters
        self.census = Census()
        self._lags = Lags(self.census)

    @property
    def sessions(self) -> int:
        return len(self._actors)

    # --- life ---

    async def run(self) -> None:
        """Restore what a predecessor left, then serve for ever; and again, whenever a write was refused.

        A refused write means that what is known here is not what is stored: the lease was late for a moment, or a
        predecessor's last write came after it was read. While the partition is owned, the snapshots and the mailbox
        are the truth, and everything that was commanded is safe to command again.
        """
        while True:
            self._again.clear()
            async with asyncio.TaskGroup() as self._tasks:
                serving = self._tasks.create_task(self._serve(), name=f"mailbox-{self._partition}")
                await self._again.wait()
                serving.cancel()
                for actor in self._actors.values():
                    actor.todo.clear()
            self.counters["partitions_begun_again"] += 1
            await asyncio.sleep(RETRY_S)

    async def _serve(self) -> None:
        mail = subjects.mailbox_partition(self._partition)
        self._replay_until, self._seen, self._seen_at, self._confirming = UNKNOWN, 0, 0.0, False
        while True:
            try:
                last = await self._bus.last(subjects.MAILBOX, mail)
                newest = last.sequence if last else 0
                after = min([newest, *await self._restore()])
                break
            except Unavailable as error:
                log.warning("waiting for NATS to restore sessions", partition=self._partition, error=str(error))
                await asyncio.sleep(RETRY_S)
        self._replay_until, self._seen = newest, max(self._seen, after)
        await self._bus.follow(subjects.MAILBOX, mail, after, self.receive)

    async def stop(self, patience: float = 2.0) -> None:
        """Carry out what is commanded and leave snapshots, so that a successor has little to replay."""
        for actor in self._actors.values():
            self._enqueue(actor, [SaveSnapshot()], self._seen_at)
        if working := [actor.work for actor in self._actors.values() if actor.work is not None]:
            await asyncio.wait(working, timeout=patience)

    async def _restore(self) -> list[int]:
        """Bring back what the snapshots hold. Returns the mailbox sequences after each of which mail must be read.

        A session that was opened but left no snapshot, because its scheduler died in that moment, is in the mailbox
        alone: mail is read from its first message on.
        """
        for memory in (self._actors, self._closed, self._wakes, self.census):
            memory.clear()
        after: list[int] = []
        for session in await restored(self._bus, self._settings, self._partition, self._history):
            name = session.state.session
            if session.state.phase == "closed":
                self._closed[name] = session.state.sequence
                continue
            actor = self._actors[name] = Actor(session, *await self._last_event(name))
            self._schedule(actor)
            self.census.take_over(session)
            after.append(session.state.sequence)
            self.counters["sessions_restored"] += 1
        known = self._actors.keys() | self._closed.keys()
        for subject in await self._bus.subjects(subjects.MAILBOX, subjects.mailbox_clients(self._partition)):
            if subjects.session_of_mailbox(subject)[0] not in known:
                first = await self._bus.first(subjects.MAILBOX, subject)
                after += [first.sequence - 1] if first is not None else []
        return after

    # --- mail ---

    def receive(self, found: Delivered) -> None:
        """One message of the mailbox stream."""
        self._clock.learn(found.time)
        self._seen, self._seen_at = found.sequence, found.time
        name, side = subjects.session_of_mailbox(found.subject)
        actor = self._actors.get(name)
        if actor is not None and found.sequence <= actor.session.state.sequence:
            return
        try:
            mail: Any = decode(MAIL[side], found.data)
        except (ProtocolViolation, KeyError) as error:
            self.counters["mail_dropped"] += 1
            if not newer.met("mail", error):
                log.warning("mail that nobody can read", session=name, sequence=found.sequence, bytes=len(found.data))
            return
        if actor is None:
            if not isinstance(mail, SessionOpened) or name in self._closed:
                self.counters["mail_dropped"] += 1
                return
            replaying = found.sequence <= self._replay_until
            actor = self._actors[name] = Actor(Session(name, self._settings), UNKNOWN if replaying else 0, 0)
            self.counters["sessions_opened"] += 1
        if isinstance(mail, JobStarted) and found.sequence > self._replay_until:
            self._lags.began(actor.session, mail, found.time)
        while (due := actor.session.deadline()) is not None and due < found.time:
            self._take(actor, self._fold(actor, actor.session.on_deadline, due), found)
        self._take(actor, self._fold(actor, actor.session.handle, mail, found.sequence, found.time), found)
        self._schedule(actor)

    def _take(self, actor: Actor, commands: list[Command], found: Delivered) -> None:
        """What came of this message, or of a deadline before it."""
        if found.sequence <= self._replay_until:
            commands = [command for command in commands if not passing(command)]
        self._enqueue(actor, commands, found.time)

    def _fold(self, actor: Actor, fold: Callable[..., list[Command]], *about: Any) -> list[Command]:
        """A session that fails is closed, and costs nobody else anything."""
        try:
            return fold(*about)
        except Exception:
            log.exception("a session failed; it is closed", session=actor.name, sequence=self._seen)
            return actor.session.abort("internal_error")

    # --- deadlines ---

    def _schedule(self, actor: Actor) -> None:
        due = actor.session.deadline()
        if due is not None and due < actor.wake:
            actor.wake = due
            heapq.heappush(self._wakes, (due, actor.name))

    def tick(self) -> None:
        """Call it every TICK_S: fires what is due."""
        if self._replay_until == UNKNOWN or not self._bus.connected or not self._owns():
            return
        if self._again.is_set():
            return  # what is known here is given up, and nobody is there to carry out what it would command
        if self._seen >= self._replay_until:
            self._closed.clear()
        now = self._clock.now() - GRACE_S
        if self._next_due(now) is not None and not self._confirming:
            self._confirming = True
            self._tasks.create_task(self._fire(now), name="deadlines")

    def _next_due(self, now: float) -> Actor | None:
        """An actor of which a deadline is over."""
        while self._wakes and self._wakes[0][0] <= now:
            due, name = heapq.heappop(self._wakes)
            actor = self._actors.get(name)
            if actor is None or due != actor.wake:  # it was to be woken earlier, and was
                continue
            actor.wake = float("inf")
            self._schedule(actor)
            if actor.wake <= now:
                return actor
        return None

    async def _fire(self, now: float) -> None:
        """Fire what is due, unless mail that is stamped earlier is on its way."""
        try:
            last = await self._bus.last(subjects.MAILBOX, subjects.mailbox_partition(self._partition))
        except Unavailable as error:
            log.info("deadlines wait for the mailbox", partition=self._partition, reason=error.code)
            return
        finally:
            self._confirming = False
        if self._again.is_set() or not self._owns():
            return
        if last is not None and last.sequence > self._seen:
            now = min(now, self._seen_at)  # no mail that is still to come is stamped earlier than what came last
        while (actor := self._next_due(now)) is not None:
            self._enqueue(actor, self._fold(actor, actor.session.on_deadline, actor.wake), actor.wake)
            actor.wake = float("inf")
            self._schedule(actor)

    # --- commands ---

    def _enqueue(self, actor: Actor, commands: list[Command], since: float) -> None:
        """They came of what is stamped `since`."""
        self._traces.commanded(actor.session, commands, since)
        self._lags.commanded(actor.session, commands, since)
        for command in commands:
            keep = isinstance(command, SaveSnapshot | EndSession)
            state = msgspec.json.encode(actor.session.snapshot()) if keep else b""
            actor.todo.append((command, state, time.monotonic()))
        if actor.todo and actor.work is None:
            actor.work = self._tasks.create_task(self._work(actor), name=f"session-{actor.name}")

    async def _work(self, actor: Actor) -> None:
        bind(session=actor.name)
        try:
            while actor.todo:
                command, state, issued = actor.todo[0]
                try:
                    if not self._owns():
                        raise Stale(f"the lease of partition {self._partition} is lost")
                    await self._carry_out(actor, command, state)
                except Stale as error:
                    self.counters["fenced"] += 1
                    log.warning("a write was refused: the partition begins again", reason=str(error))
                    self._again.set()
                    return
                except Unavailable as error:
                    log.warning("waiting for NATS", error=error.code)
                    continue
                if actor.todo:
                    del actor.todo[0]
                if isinstance(command, RunJob):
                    self._lags.dispatched(time.monotonic() - issued)
                elif isinstance(command, TellClient):
                    self._traces.told(actor.name, command.event, issued)
        finally:
            actor.work = None

    async def _carry_out(self, actor: Actor, command: Command, state: bytes) -> None:
        match command:
            case TellLive(event):
                await self._bus.publish(subjects.live(actor.name), event)
            case TellClient(event):
                await self._tell(actor, event)
                self._history.keep(actor.session.state, event)
            case RunJob(job=job) | WidenJob(job=job) if lacks_audio(job):
                await self._refuse(job, NO_ANSWER, "its audio is not kept for so long")
            case RunJob(job=job) | WidenJob(job=job):
                try:
                    await (
                        self._dispatcher.run(command) if isinstance(command, RunJob) else self._dispatcher.widen(job)
                    )
                except QueueFull as error:
                    await self._refuse(job, error.code, "there is more work waiting than the queue may hold")
                except Stale:  # a later attempt is bound: this one was commanded before, and is replayed
                    self.counters["jobs_superseded"] += 1
            case RunPartial(job=partial):
                await self._bus.publish(subjects.partial(partial.pool, partial.session), partial)
            case WithdrawJob(binding):
                await self._dispatcher.withdraw(binding)
            case BuryJob(dead, kept):
                await self._dispatcher.bury(*self._history.buried(dead, kept))
            case SaveSnapshot() | EndSession():
                record = SessionRecord(state=msgspec.Raw(state), unwritten=self._history.unwritten(actor.name))
                await self._sessions.put(subjects.session_key(actor.name), record)
                if isinstance(command, EndSession):
                    self._actors.pop(actor.name, None)

    async def _tell(self, actor: Actor, event: ClientEvent) -> None:
        if actor.told == UNKNOWN:
            actor.told, actor.event_sequence = await self._last_event(actor.name)
        if event.n <= actor.told:
            self.counters["events_found"] += 1
            return
        id, headers = subjects.event_message_id(actor.name, event.n), of_event(actor.name, event)
        for _ in range(3):
            try:
                stored = await self._bus.store(
                    subjects.event(actor.name), event, id=id, expect_last=actor.event_sequence, headers=headers
                )
                actor.told, actor.event_sequence = event.n, stored.sequence
                self.counters["events"] += 1
                self._lags.told(actor.name, event, self._clock.now())
                return
            except Stale:
                actor.told, actor.event_sequence = await self._last_event(actor.name)
                if actor.told == event.n:
                    self.counters["events_found"] += 1
                    return
                if actor.told > event.n:
                    raise
        raise Stale(subjects.event(actor.name))

    async def _last_event(self, session: str) -> tuple[int, int]:
        """(number, stream sequence) of the last event stored for this session; zeros if there is none."""
        last = await self._bus.last(subjects.EVENTS, subjects.event(session))
        return (schema.opening(last.data).n, last.sequence) if last else (0, 0)

    async def _refuse(self, job: Job, code: str, message: str) -> None:
        where, id = subjects.mailbox(job.session, "node"), subjects.result_message_id(job.job, job.attempt, "refused")
        await self._bus.store(where, refusal(job, code, message), id=id)
