"""The sessions that a predecessor left, as its snapshots have them, with the audio that they still need.

A snapshot holds no audio. That of what is being said is in the mailbox, which keeps it for two minutes. Pieces of a
recording may be older: theirs is read from their jobs, which stand in BATCH until they are done. It is taken at once,
for a node that fails at one takes the job away; what is not found there is gone, and should another attempt be wanted
its session is told (`actors.host`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.history import History
from actors.session import Session
from actors.state import SessionRecord, SessionState
from wire import subjects
from wire.bus import Bus
from wire.env import SchedulerSettings
from wire.errors import ProtocolViolation
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
        session = Session(name, settings, msgspec.json.decode(record.state, type=SessionState))
        history.take_over(session.state, record.unwritten)
        if session.state.phase != "closed":
            await _refill(bus, session)
        found.append(session)
    await _give_pieces(bus, found)
    return found


async def _refill(bus: Bus, session: Session) -> None:
    state, mails = session.state, []
    if state.buffer.sequence:
        wanted = subjects.mailbox(state.session, "client")
        for found in await bus.read(subjects.MAILBOX, wanted, state.buffer.sequence, state.sequence):
            mail: Any = decode(ClientMail, found.data)
            mails.append((found.sequence, mail))
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
