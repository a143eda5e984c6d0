"""What a recording says, piece by piece, out of what its session tells. PURE.

`Transcript.hear` takes each event and gives what it adds to the text: put together, these are the text of the whole.
Of a translation the text is that of the one target; its times are those of what was said.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from ingress.openai import languages
from ingress.subtitles.timing import Passage
from wire.errors import DragomanError, EngineError, LanguageUnsupported, Unavailable
from wire.options import Word
from wire.protocol import ClientEvent, ErrorTold, TranscriptFinal, TranslationFinal


class Piece(msgspec.Struct, frozen=True):
    """An utterance. `start` and `end` and the times of `words` are seconds of the recording. `original`: what was said,
    where `text` is a translation of it; `words` are those of what was said."""

    text: str
    language: str
    start: float
    end: float
    words: list[Word] = []
    original: str = ""

    @property
    def passage(self) -> Passage:
        """What was said."""
        return Passage(self.start, self.end, self.original or self.text, self.words)


class Transcript:
    """`target`: the language into which all is put, or empty: what was said as it was said."""

    def __init__(self, target: str = "") -> None:
        self.pieces: list[Piece] = []
        self._target = target
        self._waiting: dict[int, TranscriptFinal] = {}

    def hear(self, event: ClientEvent) -> str:
        """What there is more of the text. Raises what an utterance failed for: a text with a hole is worth nothing."""
        match event:
            case TranscriptFinal() if self._target:
                self._waiting[event.utterance] = event
            case TranscriptFinal():
                return self._add(Piece(event.text, event.language, event.start, event.end, event.words))
            case TranslationFinal(target=self._target):
                said = self._waiting.pop(event.utterance)
                return self._add(Piece(event.text, self._target, said.start, said.end, said.words, said.text))
            case ErrorTold(utterance=int()):
                raise failure(event)
            case _:
                pass
        return ""

    def _add(self, piece: Piece) -> str:
        before = languages.space(piece.language) if self.pieces else ""
        self.pieces.append(piece)
        return before + piece.text

    @property
    def text(self) -> str:
        spaces = ["", *(languages.space(piece.language) for piece in self.pieces[1:])]
        return "".join(space + piece.text for space, piece in zip(spaces, self.pieces, strict=False))

    @property
    def language(self) -> str:
        """The one that most was said in; empty where nothing was."""
        spoken: Counter[str] = Counter()
        for piece in self.pieces:
            spoken[piece.language] += round(1000 * (piece.end - piece.start))
        return spoken.most_common(1)[0][0] if spoken else ""


def failure(told: ErrorTold) -> DragomanError:
    """The error that is behind an utterance's."""
    if told.code == LanguageUnsupported.code:
        return LanguageUnsupported(told.message)
    kind = Unavailable if told.retryable else EngineError
    return kind(told.message, code=told.code, retryable=told.retryable)
