"""The sessions that a predecessor left, as its snapshots have them, with the audio that they still need.

A snapshot holds no audio. That of what is being said is in the mailbox, which keeps it for two minutes. Pieces of a
recording may be older: theirs is read from their jobs, which stand in BATCH until they are done. It is taken at once,
for a node that fails at one takes the job away; what is not found there is gone, and should another attempt be wanted
its session is told (`actors.host`).
"""

from __future__ import annotations

import contextlib

from actors.history import History
from actors.session import Session
from actors.state import SessionRecord, SessionState
from wire import newer, subjects
from wire.bus import Bus
from wire.env import SchedulerSettings
from wire.errors import NewerSchema, ProtocolViolation
from wire.jobs import Job
from wire.kv import Bucket
from wire.log import get
from wire.messages import ClientMail, decode

log = get(__name__)


async def restored(bus: Bus, settings: SchedulerSettings, partition: int, history: History) -> list[Session]:
    """All sessions of the partition that have a snapshot, closed ones too. What they told and nobody has written down
    yet is `history`'s from here on. Raises NatsUnavailable."""
    found: list[Session] = []
    for key, record in (await Bucket(bus, subjects.SESSIONS_KV, SessionRecord).items(f"{partition}.>")).items():
        name = subjects.session_of_key(key)
        session = Session(name, settings, _state(name, record))
        history.take_over(session.state, record.unwritten)
        if session.state.phase != "closed":
            await _refill(bus, session)
        found.append(session)
    await _give_pieces(bus, found)
    return found


def _state(session: str, record: SessionRecord) -> SessionState:
    """One that a later version wrote is left as it is: to this scheduler its session is over, so that nothing of it is
    touched, and a scheduler of that version goes on with it when it has the partition again."""
    try:
        return decode(SessionState, bytes(record.state))
    except ProtocolViolation as error:
        if not newer.met("record", error):
            log.error("a snapshot cannot be read: its session is lost", session=session, error=str(error))
        return SessionState(session=session, phase="closed")


async def _refill(bus: Bus, session: Session) -> None:
    state, mails = session.state, list[tuple[int, ClientMail]]()
    if state.buffer.sequence:
        wanted = subjects.mailbox(state.session, "client")
        for found in await bus.read(subjects.MAILBOX, wanted, state.buffer.sequence, state.sequence):
            with contextlib.suppress(NewerSchema):  # it was not folded in either
                mails.append((found.sequence, decode(ClientMail, found.data)))
        session.refill(mails)


async def _give_pieces(bus: Bus, sessions: list[Session]) -> None:
    lacking = {
        subjects.job_id(session.state.session, number): session for session in sessions for number in session.lacking()
    }
    for pool in {session.state.pool for session in lacking.values()}:
        wanted = {job for job, session in lacking.items() if session.state.pool == pool}
        at = 1
        while wanted and (found := await bus.first(subjects.BATCH, subjects.batch(pool), at)) is not None:
            at = found.sequence + 1
            try:
                job: Job = decode(Job, found.data)
            except ProtocolViolation:
                continue  # the node that pulls it says so
            if job.job in wanted and job.pcm:
                lacking[job.job].give(job.utterance, job.pcm)
                wanted.discard(job.job)
        if wanted:
            log.info("audio of pieces is gone", pool=pool, pieces=sorted(wanted))
