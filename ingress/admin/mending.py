"""Jobs that were given up, run again: after a node or a model was mended, what was said comes back.

To whom? The client was told an `error` for that utterance, each utterance has one outcome, and by now its session is
probably over. So nobody is told anything late: the words go where they are looked for afterwards, into the transcript
(`wire.transcripts`), behind what stands there; the newest word about an utterance wins. Where no transcript is kept,
there is nowhere to put them, and nothing is run.

The job is asked for on its pool's batch lane, so that it never comes before live speech, as the next attempt of the
same job and without a voice. Its results come back by the session's mailbox, where this ingress reads them; the
session's actor, if there is one still, knows that utterance as settled. It leaves DEAD when its words are stored, and
not before: if this process ends on the way, it can be requeued again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import msgspec

from ingress.admin.dead import Buried, Dead
from wire import subjects, topology
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.bus import Bus
from wire.errors import ClientError, DragomanError, ProtocolViolation, Unavailable
from wire.history import Rendered, Said
from wire.jobs import Job
from wire.kv import Bucket
from wire.log import get
from wire.messages import JobDone, JobReturned, NodeMail, NodeMessage, StageFailed, Transcribed, Translated, decode
from wire.records import BindingRecord
from wire.transcripts import Book, announced

log = get(__name__)

LOOK_S = 0.5
MOST_AT_ONCE = 100
REMEMBERED = 1000
"""Of jobs that failed again, so many are said to have."""

REQUEUED, FAILED = "requeued", "failed"


class NotKept(ClientError):
    """There is nothing to run, or nowhere to put what comes of it. HTTP 409."""

    code = "not_kept"


class Mender:
    """`states` says what became of jobs here: by their place on DEAD, a state and a note for a person. `run` it."""

    def __init__(self, bus: Bus, dead: Dead) -> None:
        self._bus = bus
        self._dead = dead
        self._bindings = Bucket(bus, subjects.BINDINGS_KV, BindingRecord)
        self._asked: asyncio.Queue[tuple[Buried, Job, float]] = asyncio.Queue()
        self._attempts: dict[str, int] = {}
        self.states: dict[int, tuple[str, str]] = {}

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._see_to(*await self._asked.get()), name="requeued")

    async def requeue(self, buried: Buried) -> None:
        """Begin; what is under way already is left alone. Raises NotKept, Unavailable."""
        if self._is_requeued(buried):
            return
        if sum(state == REQUEUED for state, _ in self.states.values()) >= MOST_AT_ONCE:
            raise Unavailable(f"{MOST_AT_ONCE} jobs are being run again: wait until some are done")
        job = await self._dead.job(buried.dead)
        if job is None:
            raise NotKept("its audio was not kept, so it cannot be run again: all that can be done is to discard it")
        record = await announced(self._bus, job.tenant, job.session)
        if record is None:
            raise NotKept("no transcript is kept of its session, so there is nowhere to put its words")
        if self._is_requeued(buried):  # somebody else asked in the same moment
            return
        self._say(buried, REQUEUED, "")
        self._asked.put_nowait((buried, job, record.days))

    def _is_requeued(self, buried: Buried) -> bool:
        return self.states.get(buried.id, ("", ""))[0] == REQUEUED

    async def _see_to(self, buried: Buried, job: Job, days: float) -> None:
        began = time.monotonic()
        try:
            results = await self._run(job)
            entries = list(entries_of(job, results))
            if entries and not await Book(self._bus, job.tenant, job.session).add_late(entries, days):
                raise NotKept("its transcript was deleted meanwhile")
            await self._dead.discard(buried)
        except DragomanError as error:
            log.warning("a job that was requeued was not done", job=job.job, code=error.code, reason=str(error))
            self._say(buried, FAILED, str(error))
            return
        self.states.pop(buried.id, None)
        seconds = round(time.monotonic() - began, 1)
        log.info("a job that was requeued is done", job=job.job, entries=len(entries), seconds=seconds)

    async def _run(self, job: Job) -> list[NodeMessage]:
        """What came of it. Raises DragomanError."""
        deadline = time.monotonic() + topology.BATCH_AGE_S
        while True:
            attempt = await self._next_attempt(job)
            results = await self._attempt(job, attempt, deadline)
            match results[-1]:
                case JobDone():
                    return results
                case StageFailed(message=message):
                    raise Unavailable(f"it failed again, on {results[-1].node}: {message}")
            log.info("a job that was requeued goes round", job=job.job, attempt=attempt)

    async def _next_attempt(self, job: Job) -> int:
        """None that anybody has had."""
        bound = await self._bindings.get(subjects.binding_key(job.session, job.utterance))
        known = max(job.attempt, bound.attempt if bound is not None else 0, self._attempts.get(job.job, 0))
        while len(self._attempts) >= REMEMBERED:
            del self._attempts[next(iter(self._attempts))]
        self._attempts[job.job] = known + 1
        return known + 1

    async def _attempt(self, job: Job, attempt: int, deadline: float) -> list[NodeMessage]:
        """Its results; the last is JobDone, JobReturned or a StageFailed that ended it."""
        mailbox = subjects.mailbox(job.session, "node")
        after = await self._bus.newest(subjects.MAILBOX)
        again = msgspec.structs.replace(job, attempt=attempt, speak=[], recorded=True)
        id = subjects.job_message_id(job.session, job.utterance, attempt)
        await self._bus.store(subjects.batch(job.pool), again, id=id)
        results: list[NodeMessage] = []
        while time.monotonic() < deadline:
            found = await self._bus.first(subjects.MAILBOX, mailbox, after + 1)
            if found is None:
                await asyncio.sleep(LOOK_S)
                continue
            after = found.sequence
            try:
                mail: NodeMail = decode(NodeMail, found.data)
            except ProtocolViolation:
                continue
            if isinstance(mail, NodeMessage) and (mail.job, mail.attempt) == (job.job, attempt):
                results.append(mail)
                if isinstance(mail, JobDone | JobReturned) or (isinstance(mail, StageFailed) and mail.retryable):
                    return results
        raise Unavailable("no node took it in half an hour: is there one that can?")

    def _say(self, buried: Buried, state: str, note: str) -> None:
        self.states.pop(buried.id, None)
        while len(self.states) >= REMEMBERED:
            del self.states[next(iter(self.states))]
        self.states[buried.id] = (state, note)


def entries_of(job: Job, results: list[NodeMessage]) -> Iterator[Said | Rendered]:
    """What is to be added to the transcript."""
    end = job.start + len(job.pcm) / (SAMPLE_RATE * BYTES_PER_SAMPLE)
    for result in results:
        match result:
            case Transcribed() if result.text.strip():
                yield Said(
                    n=0, utterance=job.utterance, text=result.text, language=result.language, start=job.start,
                    end=round(end, 3), words=result.words,
                )  # fmt: skip
            case Translated():
                yield Rendered(n=0, utterance=job.utterance, target=result.target, text=result.text)
