"""Every message that crosses a process boundary, as a tagged struct.

`MailboxMessage` is the base of one session's inputs, on `mailbox.<p>.<session>.<client|node|control>`, in one order.
Work for nodes is in `wire.jobs`, what stands in KV buckets in `wire.records`, what clients say and are told in
`wire.protocol`.

On the wire a message is JSON, so that `nats sub` and `nats kv get` read well; the few that carry audio (`BINARY`) are
MessagePack. `encode` and `decode` choose: JSON objects begin with `{`, and no MessagePack map does.

Times are seconds. `start` and `end` are seconds of the session's audio, counted from its first sample.
Languages are ISO 639-1 codes as Whisper spells them ("en", "fr", "zh"); "auto" as a source asks for detection.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal, TypeVar

import msgspec

from wire import schema
from wire.errors import NewerSchema, ProtocolViolation
from wire.options import Options, Word

AUTO = "auto"


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of everything sent. Subclasses are immutable."""

    BINARY: ClassVar[bool] = False


# --- mailbox: from the ingress --------------------------------------------------------------------------------------


class MailboxMessage(Message, frozen=True, kw_only=True, tag=snake):
    """An input of one session actor."""


class SessionOpened(MailboxMessage, frozen=True, kw_only=True):
    """A client opened a session. `targets` are in the client's order; `speech` asks for every target to be spoken.

    `token_hash` is the SHA-256, in hex, of the token that a client must show to come back to this session.
    `connection` names the client's connection, of which a session may have many, one after the other.
    """

    session: str
    ingress: str
    source: str
    targets: list[str]
    speech: bool
    tenant: str = "default"
    pool: str = "default"
    token_hash: str = ""
    connection: str = ""
    options: Options = Options()


class AudioChunk(MailboxMessage, frozen=True, kw_only=True):
    """Audio of whole client chunks `first`..`last`, resampled to 16 kHz.

    `pcm` is PCM16 little endian mono at 16 kHz, any length. `speech` has one byte for each 32 ms frame (512 samples)
    that was completed by this audio: Silero's speech probability times 255, rounded. `gap` says that audio before
    `first` was lost for good; take `first` all the same. What a `connection` that was replaced sent does not count.
    """

    BINARY: ClassVar[bool] = True
    first: int
    last: int
    pcm: bytes
    speech: bytes
    gap: bool = False
    connection: str = ""


class FinalizeRequested(MailboxMessage, frozen=True, kw_only=True):
    """The client wants the utterance that is running to end now. `after` is the last chunk before it (-1: none)."""

    after: int


class LanguagesChanged(MailboxMessage, frozen=True, kw_only=True):
    """What is asked for from the next utterance on."""

    source: str
    targets: list[str]
    speech: bool
    options: Options = Options()


class PlaybackStarted(MailboxMessage, frozen=True, kw_only=True):
    """Speech of this utterance and target began to play at the client and will last `seconds`.

    With a `speaker` it is another member of the session's room whose utterance it is, and `text` is what is being said.
    """

    utterance: int
    target: str
    seconds: float
    speaker: str = ""
    text: str = ""


class PlaybackEnded(MailboxMessage, frozen=True, kw_only=True):
    utterance: int
    target: str
    speaker: str = ""


class ClientSeen(MailboxMessage, frozen=True, kw_only=True):
    """The client is connected but has sent no audio for a while (muted, say)."""


class ClientLeft(MailboxMessage, frozen=True, kw_only=True):
    """This connection ended without `session.close`."""

    connection: str = ""


class ClientReturned(MailboxMessage, frozen=True, kw_only=True):
    """The client of a session that runs is back, maybe at another ingress. Answered by `session.resumed`."""

    ingress: str
    connection: str


class AudioCleared(MailboxMessage, frozen=True, kw_only=True):
    """What was said since the last utterance ended, up to the chunk `after` (-1: none), is not wanted: it becomes no
    utterance."""

    after: int


class TextGiven(MailboxMessage, frozen=True, kw_only=True):
    """An utterance that is written: `text` in `language`, to be put into the session's targets and spoken as they are
    (in `language` too, where that is a target). It takes the next number, and no audio. `number` (1, 2, 3, …) counts a
    session's texts."""

    number: int
    text: str
    language: str


class CloseRequested(MailboxMessage, frozen=True, kw_only=True):
    """Flush what is there, deliver it, then end. `after` is the last chunk sent before it (-1: none)."""

    after: int
    reason: str = "client"


# --- mailbox: from nodes --------------------------------------------------------------------------------------------


class NodeMessage(MailboxMessage, frozen=True, kw_only=True):
    """A result of one attempt at one job. The first result of each kind (and target) wins, whatever its attempt."""

    job: str
    utterance: int
    attempt: int
    node: str


class JobStarted(NodeMessage, frozen=True, kw_only=True):
    pass


class JobUnplaced(NodeMessage, frozen=True, kw_only=True):
    """From the scheduler: no node can take this attempt now; it waits in its pool for one that can. `reason` is for a
    person."""

    reason: str


class JobProgressed(NodeMessage, frozen=True, kw_only=True):
    """Sent each second while the job runs. `stage` is asr, translate or speech."""

    stage: str


class Transcribed(NodeMessage, frozen=True, kw_only=True):
    """`confidence` is the mean token probability, 0..1. `language_probability` is 1.0 where the source was given.
    `words` only where the job asked for them."""

    text: str
    language: str
    language_probability: float = 1.0
    confidence: float = 0.0
    words: list[Word] = []


class FoundEmpty(NodeMessage, frozen=True, kw_only=True):
    """No words in this audio. `reason` is no_speech, noise, repetition or too_short;
    the actor itself finds an echo."""

    reason: str


class Translated(NodeMessage, frozen=True, kw_only=True):
    target: str
    text: str


class SpeechStarted(NodeMessage, frozen=True, kw_only=True):
    """The first SpeechChunk of this target is stored."""

    target: str
    sample_rate: int


class SpeechEnded(NodeMessage, frozen=True, kw_only=True):
    """All SpeechChunks of this target are stored: sequences 0..chunks-1."""

    target: str
    seconds: float
    chunks: int


class JobReturned(NodeMessage, frozen=True, kw_only=True):
    """The node stops, or can do nothing of it, and gives the job back: another attempt is due at once, and this one was
    nobody's fault."""


class SpeechUnavailable(NodeMessage, frozen=True, kw_only=True):
    """This target has a translation but no voice. `reason` is for a person."""

    target: str
    reason: str


class StageFailed(NodeMessage, frozen=True, kw_only=True):
    """`stage` (asr, translate or speech) failed for good in this attempt, for `target` or, without one, for all.

    With `retryable`, another attempt may succeed.
    """

    stage: Literal["asr", "translate", "speech"]
    code: str
    message: str
    retryable: bool
    target: str | None = None


class Hypothesis(MailboxMessage, frozen=True, kw_only=True):
    """What an utterance that is still running sounds like so far: the answer to the PartialJob of this `generation`.

    `empty` says why there are no words, as in FoundEmpty. `words` come where the job was `timed`. `translations` has a
    translation of all this text for each target that the job asked for. `seconds` is engine time.
    """

    session: str
    utterance: int
    generation: int
    node: str
    text: str = ""
    language: str = ""
    language_probability: float = 1.0
    confidence: float = 0.0
    words: list[Word] = []
    translations: dict[str, str] = {}
    empty: str = ""
    seconds: float = 0.0


class JobDone(NodeMessage, frozen=True, kw_only=True):
    """Everything that this job asked for is stored. `seconds` of engine time by stage (asr, translate, speech)."""

    seconds: dict[str, float]


class SessionTerminated(MailboxMessage, frozen=True, kw_only=True):
    """An operator ends the session at once; what is running is dropped."""

    reason: str = "operator"


# --- figures, asked for while somebody looks ---


class StatsAsked(Message, frozen=True, kw_only=True, tag=snake):
    """On `stats.ask`: who has figures whose names begin with one of these is to say them."""

    names: list[str]


class StatsTold(Message, frozen=True, kw_only=True, tag=snake):
    """On `stats.<role>.<instance>`: one process's figures, as `name{label="value"}`. `at`: seconds since the epoch, by
    its clock."""

    role: str
    instance: str
    version: str
    at: float
    values: dict[str, float]


ClientMail = (
    SessionOpened
    | AudioChunk
    | FinalizeRequested
    | LanguagesChanged
    | PlaybackStarted
    | PlaybackEnded
    | ClientSeen
    | ClientLeft
    | ClientReturned
    | AudioCleared
    | TextGiven
    | CloseRequested
)
NodeMail = (
    JobStarted
    | JobUnplaced
    | JobProgressed
    | JobReturned
    | Transcribed
    | FoundEmpty
    | Translated
    | SpeechStarted
    | SpeechEnded
    | SpeechUnavailable
    | StageFailed
    | JobDone
    | Hypothesis
)
ControlMail = SessionTerminated
Mail = ClientMail | NodeMail | ControlMail


_json = msgspec.json.Encoder()
_msgpack = msgspec.msgpack.Encoder()
_decoders: dict[Any, tuple[msgspec.json.Decoder[Any], msgspec.msgpack.Decoder[Any]]] = {}

T = TypeVar("T")


def encode(message: Message) -> bytes:
    """JSON, or MessagePack for the messages that carry audio."""
    return _msgpack.encode(message) if message.BINARY else _json.encode(message)


def decode(kind: type[T] | Any, data: bytes) -> T:
    """Read `data` as `kind` (a struct or a union of structs).

    Raises `ProtocolViolation`, saying what was wrong, if it is none, and its kind `NewerSchema` if a later version of
    Dragoman may know it.
    """
    if kind not in _decoders:
        _decoders[kind] = (msgspec.json.Decoder(kind), msgspec.msgpack.Decoder(kind))
    as_json, as_msgpack = _decoders[kind]
    try:
        return as_json.decode(data) if data[:1] == b"{" else as_msgpack.decode(data)  # type: ignore[no-any-return]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(kind, data, str(error)) from error


def _unreadable(kind: Any, data: bytes, reason: str) -> ProtocolViolation:
    found = schema.opening(data)
    if not schema.is_newer(kind, found.type):
        return ProtocolViolation(reason)
    newer = NewerSchema(f"{found.type!r} is of a later version")
    newer.type, newer.n = found.type, found.n
    return newer
