"""A session is deleted, so that nothing of what was said in it can be found on the server's disk.

    1  `Erased` is the last entry of its transcript: whoever still had something to say of it is refused, and exporters
       delete their copies
    2  each message that streams still hold is overwritten on the disk (JetStream's secure delete; a purge would leave
       the bytes): transcript, events and speech, mail, jobs that were given up
    3  its keys are purged: snapshot, bindings, its place in lists
    4  a little later, files with what the server itself let go of before - snapshots that newer ones replaced, mail
       that got too old, jobs that were done - are turned over: a stream's last file is never tidied up, so it is
       filled to its end with nothing (`Turning`); then the server drops the older part, at its next sync or when all
       in it is too old

Each step is safe to repeat. In a cluster, the servers' logs of writes (RAFT) are tidied up by themselves, later.
"""

from __future__ import annotations

import asyncio

from ingress.entry import KnownRecord
from wire import subjects, topology, transcripts
from wire.bus import Bus
from wire.errors import ClientError, DragomanError, Stale
from wire.history import Erased, HistoryRecord
from wire.kv import Bucket
from wire.log import get
from wire.messages import Message
from wire.records import BindingRecord

log = get(__name__)

TRIES = 5
FILE_BYTES = 8 * topology.MIB
"""A stream's files are as large at most."""
FILLER_BYTES = 60 * 1024
FILLED = (subjects.MAILBOX, subjects.EVENTS, subjects.JOBS, f"KV_{subjects.SESSIONS_KV}")
"""Streams that let go of what was said, by themselves."""
EVERY_S = 30.0


class SessionOpen(ClientError):
    """HTTP 409."""

    code = "session_open"


async def check_over(bus: Bus, tenant: str, session: str) -> None:
    """Raises SessionOpen where it is not, NatsUnavailable."""
    record = await Bucket(bus, subjects.SESSIONS_KV, KnownRecord).get(subjects.session_key(session))
    if record is None:
        over = await bus.first(subjects.MAILBOX, subjects.mailbox(session, "client")) is None
    else:
        over = record.state.phase == "closed" or record.state.tenant != tenant
    if not over:
        raise SessionOpen("this session is still open: close it first")


async def erase(bus: Bus, tenant: str, session: str) -> None:
    """Steps 1 to 3. Raises NatsUnavailable, QueueFull: then it is to be done again."""
    transcript = subjects.transcript(tenant, session)
    mark = await _marked(bus, transcript)
    everything = [
        (subjects.TRANSCRIPTS, transcript),
        (subjects.EVENTS, subjects.event(session)),
        (subjects.EVENTS, subjects.speech_of(session)),
        (subjects.MAILBOX, subjects.mailbox_of(session)),
        *((subjects.DEAD, each) for each in subjects.dead_of(session)),
    ]
    for stream, subject in everything:
        await _overwrite(bus, stream, subject, mark if subject == transcript else 0)
    keys: list[tuple[str, type[Message], str]] = [
        (subjects.SESSIONS_KV, KnownRecord, subjects.session_key(session)),
        (subjects.BINDINGS_KV, BindingRecord, subjects.bindings_of(session)),
        (subjects.HISTORIES_KV, HistoryRecord, subjects.history_key(tenant, session)),
    ]
    for bucket, kind, key in keys:
        await Bucket(bus, bucket, kind).forget(key)
    log.info("a session was deleted", session=session)


async def _marked(bus: Bus, transcript: str) -> int:
    """The sequence of the transcript's mark."""
    for _ in range(TRIES):
        last = await bus.last(subjects.TRANSCRIPTS, transcript)
        if last is not None and isinstance(transcripts.read(last.data), Erased):
            return last.sequence
        try:
            after = last.sequence if last is not None else 0
            stored = await bus.store(transcript, Erased(), expect_last=after, ttl=int(topology.ERASED_S))
        except Stale:
            continue
        return stored.sequence
    raise Stale(transcript)


async def _overwrite(bus: Bus, stream: str, subject: str, but: int) -> None:
    """Each message of it, save the one of sequence `but`. One after another: of many at once the server does no more in
    a second, and lets what live sessions write wait meanwhile."""
    while found := [each for each in await transcripts.sequences(bus, stream, subject) if each != but]:
        for sequence in found:
            await bus.discard(stream, sequence)


class Turning:
    """`run` it; `wanted` says that something was deleted. However much is, files are turned over every EVERY_S."""

    def __init__(self, bus: Bus, every: float = EVERY_S) -> None:
        self._bus = bus
        self._every = every
        self._wanted = asyncio.Event()
        self.turned = 0

    def want(self) -> None:
        self._wanted.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                for stream in FILLED:
                    await turn(self._bus, stream)
                self.turned += 1
            except DragomanError as error:
                log.warning("files were not turned over: it is tried again", error=str(error))
                self._wanted.set()
            await asyncio.sleep(self._every)


async def turn(bus: Bus, stream: str) -> None:
    """Fill the stream's last file, so that it is the last no more. Raises NatsUnavailable, QueueFull."""
    subject = subjects.filler(stream)
    padding = {"Filler": "-" * FILLER_BYTES}
    for _ in range(FILE_BYTES // FILLER_BYTES + 1):
        await bus.store(subject, None, headers=padding)
    await bus.purge(stream, subject, await bus.newest(stream))
