"""All that a session actor remembers, as one struct. PURE.

This is also the snapshot: the host stores it as the session's value in the `sessions` bucket, as JSON that a person can
read. Audio is not in it; `buffer` says which mailbox messages to read again.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.captions import Captions
from actors.context import Group
from actors.echo import Echo
from actors.endpointing import Endpointer
from actors.outcomes import Utterance
from wire.history import AnyEntry
from wire.messages import AudioCleared, CloseRequested, FinalizeRequested, Message
from wire.options import Options

CLIENT_LEFT = "client_left"
"""Why a session is about to close whose client went without a word, and may come back."""


class BufferMark(msgspec.Struct, frozen=True):
    """Where the audio buffer begins: read the mailbox from `sequence` on, taking chunks from `first_chunk` on, of
    `connection` until another takes its place. It ended at sample `end`, before chunk `next_chunk`."""

    sequence: int = 0
    first_chunk: int = 0
    start: int = 0
    connection: str = ""
    end: int = 0
    next_chunk: int = 0


class Waiting(msgspec.Struct, frozen=True):
    """A request that came before the audio that it follows. It is granted at `deadline` at the latest."""

    mail: FinalizeRequested | AudioCleared | CloseRequested
    deadline: float


class SessionState(msgspec.Struct, kw_only=True, tag="session_record", tag_field="type"):
    """`sequence`: the last mailbox message folded in. `n`: the last event number used. `next_utterance`: its number.

    `language` is what was spoken last, where the source is detected. `begun` is the last utterance that somebody is
    known to have begun to speak, at frame `begun_at`. `texts` counts the client's written ones. Times are stream time:
    the server's stamps, seconds since the epoch. 0.0 means never.
    """

    session: str
    tenant: str = "default"
    pool: str = "default"
    ingress: str = ""
    token_hash: str = ""
    connection: str = ""
    phase: Literal["new", "open", "closing", "closed"] = "new"
    source: str = "auto"
    targets: list[str] = []
    speech: bool = False
    options: Options = Options()
    language: str = ""
    sequence: int = 0
    n: int = 0
    next_utterance: int = 1
    begun: int = 0
    begun_at: int = 0
    texts: int = 0
    opened_at: float = 0.0
    heard_from_client: float = 0.0
    heard_audio: float = 0.0
    acked_at: float = 0.0
    acked_sample: int = 0
    saved_sample: int = 0
    close_reason: str = ""
    endpointer: Endpointer = msgspec.field(default_factory=Endpointer)
    buffer: BufferMark = BufferMark()
    group: Group = msgspec.field(default_factory=Group)
    captions: Captions | None = None
    echo: Echo | None = None
    utterances: list[Utterance] = []
    waiting: list[Waiting] = []


class SessionRecord(Message, frozen=True, kw_only=True, tag="session"):
    """`sessions/<p>.<session>`: the actor's state, as JSON. `unwritten`: what was told, and is not in TRANSCRIPTS
    yet."""

    state: msgspec.Raw
    unwritten: list[AnyEntry] = []
