"""Results on their way into the streams: stored in order, each under its id, while the engines work on.

`Outbox.put` never waits. `Outbox.deliver` stores until `close` was called and all is stored. A message that could not
be stored for the bus's patience voids the attempt: nothing after it is stored, and the job must be done again.
"""

from __future__ import annotations

import asyncio

from wire import spans, subjects
from wire.bus import Bus
from wire.errors import NatsUnavailable
from wire.jobs import Job, SpeechChunk
from wire.messages import (
    FoundEmpty,
    JobDone,
    JobReturned,
    NodeMessage,
    SpeechEnded,
    SpeechStarted,
    SpeechUnavailable,
    StageFailed,
    Transcribed,
    Translated,
)


class Outbox:
    """Of one attempt at one job. Everything is stored with `headers`."""

    def __init__(self, bus: Bus, job: Job, headers: spans.Headers = spans.NOTHING) -> None:
        self._bus = bus
        self._job = job
        self._headers = headers
        self._queue: asyncio.Queue[tuple[str, NodeMessage | SpeechChunk] | None] = asyncio.Queue()

    def put(self, target: str, message: NodeMessage | SpeechChunk) -> None:
        self._queue.put_nowait((target, message))

    def close(self) -> None:
        self._queue.put_nowait(None)

    async def deliver(self) -> str | None:
        """None: all is stored. Else why not."""
        try:
            await self._deliver()
        except NatsUnavailable as error:
            return str(error)
        return None

    async def _deliver(self) -> None:
        job = self._job
        mailbox = subjects.mailbox(job.session, "node")
        while (item := await self._queue.get()) is not None:
            target, message = item
            if isinstance(message, SpeechChunk):
                subject = subjects.speech(job.session, job.utterance, target)
                id = subjects.speech_message_id(job.job, target, message.sequence)
                await self._bus.store(subject, message, id=id, headers=self._headers)
            else:
                result = subjects.result_message_id(job.job, job.attempt, what(message))
                await self._bus.store(mailbox, message, id=result, headers=self._headers)


def what(message: NodeMessage) -> str:
    """The last part of a result's id: there is one of each in an attempt."""
    match message:
        case Transcribed():
            return "transcribed"
        case FoundEmpty():
            return "empty"
        case Translated(target=target):
            return f"translated.{target}"
        case SpeechStarted(target=target):
            return f"speech-started.{target}"
        case SpeechEnded(target=target):
            return f"speech-ended.{target}"
        case SpeechUnavailable(target=target):
            return f"speech-unavailable.{target}"
        case StageFailed(stage=stage, target=target):
            return f"failed.{stage}.{target or 'all'}"
        case JobDone():
            return "done"
        case JobReturned():
            return "returned"
    raise TypeError(f"{type(message).__name__} is not stored")
