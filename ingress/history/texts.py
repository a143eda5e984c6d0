"""A transcript in one language, as a file. PURE.

In a language, an utterance says what was said, if it was said in that, or else what it was put into it as; without
either it is left out. No language: everything as it was said. Times are those of the session's audio.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

from ingress.subtitles import cues, files
from ingress.subtitles.timing import Passage
from wire.errors import ClientError
from wire.history import Line, Transcript

Format = Literal["json", "txt", "srt", "vtt"]

MEDIA: dict[Format, str] = {
    "json": "application/json",
    "txt": "text/plain",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
}
LEAST_S = 1.0
"""What was written takes no time; a subtitle does."""


class LanguageMissing(ClientError):
    """HTTP 400."""

    code = "language_missing"


def check(transcript: Transcript, language: str) -> None:
    """Raises LanguageMissing, which says what there is."""
    if language and language not in transcript.languages:
        there = ", ".join(transcript.languages) or "none yet"
        raise LanguageMissing(f"nothing of this session is in {language[:20]!r}; there is: {there}")


def passages(transcript: Transcript, language: str = "") -> list[tuple[Passage, str]]:
    """What was said, with its text in `language`, in order."""
    found = []
    for line in sorted(transcript.lines, key=lambda each: (each.start, each.utterance)):
        text = told(line, language)
        if text and line.text:
            found.append((Passage(line.start, max(line.end, line.start), line.text, line.words), text))
    return found


def told(line: Line, language: str = "") -> str | None:
    """None: there is nothing in this language."""
    if not language or line.language == language:
        return line.text
    return line.translations.get(language)


def written(transcript: Transcript, kind: Literal["txt", "srt", "vtt"], language: str = "") -> str:
    """The file. It takes a while for a long session."""
    chosen = passages(transcript, language)
    if kind == "txt":
        return files.text(chosen, language or _most(transcript))
    timed = [(_timed(passage), text) for passage, text in chosen]
    shown = cues.of_translation(timed) if language else cues.of_original([passage for passage, _ in timed])
    return files.srt(shown) if kind == "srt" else files.vtt(shown)


def _timed(passage: Passage) -> Passage:
    if passage.end > passage.start:
        return passage
    return Passage(passage.start, passage.start + LEAST_S, passage.text)


def _most(transcript: Transcript) -> str:
    """The language in which most was said."""
    spoken = Counter(line.language for line in transcript.lines if line.text is not None)
    return spoken.most_common(1)[0][0] if spoken else ""
