"""What a session actor wants done, as data. PURE. The host carries these out, in order; each is safe to repeat."""

from __future__ import annotations

import msgspec

from wire.messages import BindingRecord, Job
from wire.protocol import ClientEvent


class RunJob(msgspec.Struct, frozen=True):
    """Bind the utterance, once, and publish its job."""

    job: Job
    binding: BindingRecord


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


Command = RunJob | TellClient | TellLive | SaveSnapshot | EndSession
