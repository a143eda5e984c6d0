"""What clients say and are told over the WebSocket, as structs. `docs/protocol.md` is the same for people.

- `ClientEvent`: what a client is told. With `n` it is numbered and stored (`event.<session>`); without, it is live only
  (`live.<session>`).
- `ClientRequest`: what a client may say as JSON text.

Binary frames (audio up, speech down) are in `ingress/browser.py`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from wire.messages import AUTO, Message
from wire.options import Correction, Glossary, Word


class ClientEvent(Message, frozen=True, kw_only=True):
    """`n` numbers a session's stored events 1, 2, 3, … without gap; 0 (left out) marks an event that is not stored."""

    n: int = 0


class SessionReady(ClientEvent, frozen=True, kw_only=True, tag="session.started"):
    """`next_chunk` is the number that the next audio frame must have.

    `token` is what the client shows to come back to this session. The ingress adds it for the client alone: it is in no
    stream.
    """

    session: str
    source: str
    targets: list[str]
    speech: bool
    next_chunk: int
    token: str = ""
    between: list[str] = []


class SessionResumed(ClientEvent, frozen=True, kw_only=True, tag="session.resumed"):
    """The client is back: send from chunk `next_chunk` on. `samples` (at 16 kHz) are what the actor has so far."""

    next_chunk: int
    samples: int


class SessionUpdated(ClientEvent, frozen=True, kw_only=True, tag="session.updated"):
    source: str
    targets: list[str]
    speech: bool
    between: list[str] = []


class SessionClosed(ClientEvent, frozen=True, kw_only=True, tag="session.closed"):
    reason: str
    utterances: int


class SessionAlive(ClientEvent, frozen=True, kw_only=True, tag="session.alive"):
    """The ingress is there, and had nothing else to say for a while."""


class QueueStatus(ClientEvent, frozen=True, kw_only=True, tag="queue.status"):
    """Before `session.started`, each second: there is no room yet. `position` in the line counts from 1, `ahead` are
    those before it. `eta_s`: seconds until it is let in, as things go now; left out where nobody knows."""

    position: int
    ahead: int
    eta_s: float | None = None


class AudioAck(ClientEvent, frozen=True, kw_only=True, tag="audio.ack"):
    """Chunks up to `chunk` are stored and need not be sent again."""

    chunk: int


class UtteranceStarted(ClientEvent, frozen=True, kw_only=True, tag="utterance.started"):
    """Somebody speaks, since `start` seconds into the session's audio. Told to those who asked for boundaries; it may
    come to nothing."""

    utterance: int
    start: float


class UtteranceEnded(ClientEvent, frozen=True, kw_only=True, tag="utterance.ended"):
    """What was said between `start` and `end`, seconds of the session's audio, is an utterance: its outcome follows."""

    utterance: int
    start: float
    end: float


class UtteranceDropped(ClientEvent, frozen=True, kw_only=True, tag="utterance.dropped"):
    """What had been started was too short or was cleared: it is no utterance, and the next one has its number."""

    utterance: int


class TranscriptPartial(ClientEvent, frozen=True, kw_only=True, tag="transcript.partial"):
    """`committed` only ever grows while an utterance runs; `tentative` may change."""

    utterance: int
    committed: str
    tentative: str


class TranscriptFinal(ClientEvent, frozen=True, kw_only=True, tag="transcript.final"):
    """It begins with what was committed before, but for what `corrected` says. `words` where the session asked for
    them."""

    utterance: int
    text: str
    language: str
    start: float
    end: float
    corrected: list[Correction] = []
    words: list[Word] = []


class TranslationPartial(ClientEvent, frozen=True, kw_only=True, tag="translation.partial"):
    """As `transcript.partial`, for a target that was asked for live."""

    utterance: int
    target: str
    committed: str
    tentative: str


class TranslationFinal(ClientEvent, frozen=True, kw_only=True, tag="translation.final"):
    utterance: int
    target: str
    text: str


class SpeechBegan(ClientEvent, frozen=True, kw_only=True, tag="speech.started"):
    """Binary speech frames of this utterance and target follow, until `speech.ended`."""

    utterance: int
    target: str
    sample_rate: int


class SpeechFinished(ClientEvent, frozen=True, kw_only=True, tag="speech.ended"):
    """Sent after the last of the `chunks` binary frames of this utterance and target."""

    utterance: int
    target: str
    seconds: float
    chunks: int


class SpeechMissing(ClientEvent, frozen=True, kw_only=True, tag="speech.unavailable"):
    utterance: int
    target: str
    reason: str


class UtteranceEmpty(ClientEvent, frozen=True, kw_only=True, tag="utterance.empty"):
    utterance: int
    reason: str
    start: float
    end: float


class ErrorTold(ClientEvent, frozen=True, kw_only=True, tag="error"):
    """With `utterance` (and `target`) it is that utterance's outcome; without, it is about the connection."""

    code: str
    message: str
    retryable: bool
    utterance: int | None = None
    target: str | None = None


# --- rooms ----------------------------------------------------------------------------------------------------------


class MemberTold(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in a room, as the others see them. `number` marks their voice in speech frames; 0: a listener.

    Of a speaker, `source` is what they speak and `targets` what it is put into. `state`: "away" is one whose connection
    broke a moment ago, "left" one who is not there any more but whose words may still be shown.
    """

    member: str
    name: str
    language: str
    number: int
    source: str
    targets: list[str]
    state: Literal["here", "away", "left"]


class RoomJoined(ClientEvent, frozen=True, kw_only=True, tag="room.joined"):
    """`at` is the server's clock, in seconds since the epoch: what was said in the room before is history. With `token`
    a listener is the same member again when it comes back; speakers come back to their session."""

    room: str
    member: str
    at: float
    token: str = ""


class RoomMembers(ClientEvent, frozen=True, kw_only=True, tag="room.members"):
    """Who is there, after each change."""

    members: list[MemberTold]


class RoomSpeaking(ClientEvent, frozen=True, kw_only=True, tag="room.speaking"):
    """This member has begun to speak, in whatever language. What they said, or that it was nothing, follows."""

    speaker: str
    utterance: int


Said = (
    TranscriptPartial
    | TranscriptFinal
    | TranslationPartial
    | TranslationFinal
    | SpeechBegan
    | SpeechFinished
    | SpeechMissing
    | UtteranceEmpty
    | ErrorTold
)


class RoomSaid(ClientEvent, frozen=True, kw_only=True, tag="room.said"):
    """An event of another member's session, whose `n` counts that session's events. `at` is when it was told, in
    seconds since the epoch."""

    speaker: str
    at: float
    event: Said


AnyClientEvent = (
    SessionReady
    | SessionResumed
    | SessionUpdated
    | SessionClosed
    | SessionAlive
    | QueueStatus
    | AudioAck
    | UtteranceStarted
    | UtteranceEnded
    | UtteranceDropped
    | TranscriptPartial
    | TranscriptFinal
    | TranslationPartial
    | TranslationFinal
    | SpeechBegan
    | SpeechFinished
    | SpeechMissing
    | UtteranceEmpty
    | ErrorTold
    | RoomJoined
    | RoomMembers
    | RoomSpeaking
    | RoomSaid
)


# --- what clients may say -------------------------------------------------------------------------------------------


class ClientRequest(Message, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON text message from a client. Unknown fields are refused by name."""


class Seat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place in a room. `language` is what the member reads and, with `speech`, hears; `captions`: words are wanted
    while they are spoken. `have` says of a member that comes back the newest event of each other that it has."""

    code: str
    name: str
    language: str
    speech: bool = True
    captions: bool = True
    have: dict[str, int] = {}


class StartRequest(ClientRequest, frozen=True, kw_only=True, tag="session.start"):
    """`speech` may name the targets that are to be spoken. See wire.options for the rest."""

    source: str = AUTO
    targets: list[str] = []
    sample_rate: int = 16_000
    speech: bool | list[str] = True
    captions: bool = True
    live: list[str] = []
    between: list[str] = []
    words: bool = False
    boundaries: bool = False
    glossary: Glossary = Glossary()
    room: Seat | None = None


class SpeechHeard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Speech that had begun when the connection broke: the client has its chunks 0..chunks-1."""

    utterance: int
    target: str
    chunks: int


class ResumeRequest(ClientRequest, frozen=True, kw_only=True, tag="session.resume"):
    """Instead of `session.start`: come back to a session. `n` is the last event that the client has."""

    session: str
    token: str
    n: int
    sample_rate: int = 16_000
    heard: list[SpeechHeard] = []
    room: Seat | None = None


class JoinRequest(ClientRequest, frozen=True, kw_only=True, tag="room.join"):
    """Instead of `session.start`: listen in a room. `token` is from `room.joined`, for a listener that comes back."""

    room: Seat
    token: str = ""


class UpdateRequest(ClientRequest, frozen=True, kw_only=True, tag="session.update"):
    """Fields that are left out stay as they are."""

    source: str | None = None
    targets: list[str] | None = None
    speech: bool | list[str] | None = None
    captions: bool | None = None
    live: list[str] | None = None
    between: list[str] | None = None
    words: bool | None = None
    boundaries: bool | None = None
    glossary: Glossary | None = None


class FinalizeRequest(ClientRequest, frozen=True, kw_only=True, tag="utterance.finalize"):
    pass


class SeatRequest(ClientRequest, frozen=True, kw_only=True, tag="room.update"):
    """Fields that are left out stay as they are."""

    name: str | None = None
    language: str | None = None
    speech: bool | None = None
    captions: bool | None = None


class PlayingRequest(ClientRequest, frozen=True, kw_only=True, tag="speech.playing"):
    """`seconds` is how long the playback will last, at most 120. `speaker`: whose speech it is, in a room."""

    utterance: int
    target: str
    seconds: float
    speaker: str = ""


class PlayedRequest(ClientRequest, frozen=True, kw_only=True, tag="speech.played"):
    utterance: int
    target: str
    speaker: str = ""


class CloseRequest(ClientRequest, frozen=True, kw_only=True, tag="session.close"):
    pass


AnyClientRequest = (
    StartRequest
    | ResumeRequest
    | JoinRequest
    | UpdateRequest
    | SeatRequest
    | FinalizeRequest
    | PlayingRequest
    | PlayedRequest
    | CloseRequest
)
