"""What a session actor wants done, as data. PURE. The host carries these out, in order; each is safe to repeat."""

from __future__ import annotations

import msgspec

from wire.jobs import Job, PartialJob
from wire.protocol import (
    ClientEvent,
    TranscriptPartial,
    TranslationPartial,
    UtteranceDropped,
    UtteranceEnded,
    UtteranceStarted,
)
from wire.records import BindingRecord, DeadJob


class RunJob(msgspec.Struct, frozen=True):
    """Bind this attempt at the utterance, once, reserve a slot for it, and publish its job. Not on `excluded` nodes.

    What is recorded waits in its pool's batch instead, for a node that has nothing better to do."""

    job: Job
    binding: BindingRecord
    excluded: list[str] = []


class WidenJob(msgspec.Struct, frozen=True):
    """Nobody has begun this attempt: let any node of the pool that can take it."""

    job: Job


class WithdrawJob(msgspec.Struct, frozen=True):
    """Nobody waits for this any more: bind an attempt that nobody makes, so that none is begun from now on."""

    binding: BindingRecord


class RunPartial(msgspec.Struct, frozen=True):
    """Ask for what was said so far. It may be lost."""

    job: PartialJob


class BuryJob(msgspec.Struct, frozen=True):
    """The job was given up: operators are told, and the job itself is kept where it could be run again."""

    dead: DeadJob
    job: Job | None = None


class TellClient(msgspec.Struct, frozen=True):
    """Append `event` to the session's stored events, as number `event.n`."""

    event: ClientEvent


class TellLive(msgspec.Struct, frozen=True):
    """Say `event` to whoever listens now; it may be lost."""

    event: ClientEvent


class SaveSnapshot(msgspec.Struct, frozen=True):
    """Store the session's state as it is after this event."""


class EndSession(msgspec.Struct, frozen=True):
    """Nothing more will come of this session: store its last state and forget the actor."""


Command = RunJob | WidenJob | WithdrawJob | RunPartial | BuryJob | TellClient | TellLive | SaveSnapshot | EndSession


def passing(command: Command) -> bool:
    """Whether it is of one moment alone: in a replay it would take back what was shown since."""
    match command:
        case RunPartial() | TellLive(TranscriptPartial() | TranslationPartial()):
            return True
        case TellLive(UtteranceStarted() | UtteranceEnded() | UtteranceDropped()):
            return True
    return False
