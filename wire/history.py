"""What is kept of a session on `transcript.<tenant>.<session>`, entry by entry, as tagged structs; and what is read out
of it. PURE.

Entries are a choice of what the session's client was told, under the same numbers: that it began, each final transcript
and translation, what failed, and that it ended. They are stored for days, so they stand for themselves: what clients
hear may change its shape, and these stay. When something was said is the server's stamp of its message.

`gathered` folds them into a `Transcript`. The newest word about an utterance wins, for a job that was given up may be
done later, when the session is long over. `Erased` is the last that is ever stored of a session: nothing that another
still had to say of it is taken after that.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from wire.messages import Message, snake
from wire.options import Word
from wire.protocol import (
    ClientEvent,
    ErrorTold,
    SessionClosed,
    SessionReady,
    SessionUpdated,
    TranscriptFinal,
    TranslationFinal,
)

ERASED = 2**53 - 1
"""The number of the entry that says so: none is higher."""


class Entry(Message, frozen=True, kw_only=True, tag=snake):
    """`n` grows from entry to entry."""

    n: int


class SessionBegan(Entry, frozen=True, kw_only=True):
    """`at`: seconds since the epoch."""

    at: float
    source: str
    targets: list[str] = []
    between: list[str] = []


class LanguagesChosen(Entry, frozen=True, kw_only=True):
    """From here on."""

    source: str
    targets: list[str] = []
    between: list[str] = []


class Said(Entry, frozen=True, kw_only=True):
    """`start`, `end` and the times of `words` are seconds of the session's audio; `words` only where they were asked
    for. `ended`: it was added after the session, which had ended then (seconds since the epoch)."""

    utterance: int
    text: str
    language: str
    start: float
    end: float
    words: list[Word] = []
    ended: float = 0.0


class Rendered(Entry, frozen=True, kw_only=True):
    """What was said, in the language `target`. `ended`: as above."""

    utterance: int
    target: str
    text: str
    ended: float = 0.0


class Failed(Entry, frozen=True, kw_only=True):
    """There are no words of this utterance or, with a `target`, no translation of it. Where there is one, its speech
    failed."""

    utterance: int
    target: str = ""
    code: str
    message: str


class SessionEnded(Entry, frozen=True, kw_only=True):
    reason: str
    utterances: int


class Erased(Entry, frozen=True, kw_only=True, omit_defaults=False):
    """Somebody deleted the session: whoever has a copy deletes it too."""

    n: int = ERASED


AnyEntry = SessionBegan | LanguagesChosen | Said | Rendered | Failed | SessionEnded | Erased


def ended_at(last: AnyEntry | None, stamp: float) -> float:
    """When a session ended of which this is the last entry, stored at `stamp`; 0: it goes on."""
    match last:
        case SessionEnded():
            return stamp
        case Said(ended=ended) | Rendered(ended=ended):
            return ended
        case _:
            return 0.0


class HistoryRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`histories/<tenant>.<session>`: there is a session of which something is kept, for `days`. `began`: seconds since
    the epoch. Never changed, so that the bucket has a tenant's sessions in the order in which they began."""

    session: str
    began: float
    days: float
    source: str
    targets: list[str] = []
    between: list[str] = []


def entry_of(event: ClientEvent, began: float) -> AnyEntry | None:
    """What is kept of an event of a session that was opened at `began`; None: nothing."""
    match event:
        case SessionReady(n=n):
            return SessionBegan(n=n, at=began, source=event.source, targets=event.targets, between=event.between)
        case SessionUpdated(n=n):
            return LanguagesChosen(n=n, source=event.source, targets=event.targets, between=event.between)
        case TranscriptFinal(n=n):
            return Said(
                n=n, utterance=event.utterance, text=event.text, language=event.language, start=event.start,
                end=event.end, words=event.words,
            )  # fmt: skip
        case TranslationFinal(n=n):
            return Rendered(n=n, utterance=event.utterance, target=event.target, text=event.text)
        case ErrorTold(n=n, utterance=int(utterance)):
            return Failed(n=n, utterance=utterance, target=event.target or "", code=event.code, message=event.message)
        case SessionClosed(n=n):
            return SessionEnded(n=n, reason=event.reason, utterances=event.utterances)
        case _:
            return None


class Line(msgspec.Struct, kw_only=True):
    """An utterance. Without a `text` nobody could make out what was said: `errors` says why, under "" (and, under a
    language, why there is no translation). Times are seconds of the session's audio."""

    utterance: int
    start: float = 0.0
    end: float = 0.0
    language: str = ""
    text: str | None = None
    translations: dict[str, str] = {}
    words: list[Word] = []
    errors: dict[str, Failed] = {}


class Transcript(msgspec.Struct, kw_only=True):
    """All that is kept of a session. `began` and `ended` are seconds since the epoch; 0: it is not known (any more), or
    has not ended. `last` is the highest number. `lines` are in the order of utterances."""

    session: str
    began: float = 0.0
    ended: float = 0.0
    reason: str = ""
    source: str = ""
    targets: list[str] = []
    between: list[str] = []
    last: int = 0
    erased: bool = False
    lines: list[Line] = []

    @property
    def languages(self) -> list[str]:
        """All that something was said or put in."""
        found = {line.language for line in self.lines if line.text is not None}
        return sorted(found.union(*(line.translations for line in self.lines)))


def gathered(session: str, entries: Iterable[tuple[AnyEntry, float]]) -> Transcript:
    """`entries` in the order of the stream, each with its stamp (seconds since the epoch)."""
    made = Transcript(session=session)
    lines: dict[int, Line] = {}

    def line(utterance: int) -> Line:
        return lines.setdefault(utterance, Line(utterance=utterance))

    for entry, stamp in entries:
        made.last = max(made.last, entry.n)
        match entry:
            case SessionBegan():
                made.began = entry.at
                made.source, made.targets, made.between = entry.source, entry.targets, entry.between
            case LanguagesChosen():
                made.source, made.targets, made.between = entry.source, entry.targets, entry.between
            case Said():
                found = line(entry.utterance)
                found.start, found.end, found.language = entry.start, entry.end, entry.language
                found.text, found.words = entry.text, entry.words
                found.errors.pop("", None)
            case Rendered():
                found = line(entry.utterance)
                found.translations[entry.target] = entry.text
                found.errors.pop(entry.target, None)
            case Failed():
                found = line(entry.utterance)
                if entry.target not in found.translations:  # else it is its speech that failed
                    found.errors[entry.target] = entry
            case SessionEnded():
                made.ended, made.reason = stamp, entry.reason
            case _:
                made.erased = True
    made.lines = [lines[number] for number in sorted(lines)]
    return made
