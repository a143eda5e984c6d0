"""Subtitles and transcripts as files. PURE.

SubRip (.srt) has no standard: this is what players agree on, plain text in UTF-8. WebVTT is
https://www.w3.org/TR/webvtt1/: `&`, `<` and `>` are escaped, so that nothing in a text is a tag or an arrow.
"""

from __future__ import annotations

from collections.abc import Callable

from ingress.subtitles.cues import Cue
from ingress.subtitles.timing import Passage
from wire import sentences

PARAGRAPH_S = 2.0
"""After a pause of so long a transcript begins a new paragraph."""


def srt(cues: list[Cue]) -> str:
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_body(cue, _disarmed)}\n\n"
        for number, cue in enumerate(cues, 1)
    )


def vtt(cues: list[Cue]) -> str:
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_body(cue, _escaped)}\n\n" for cue in cues
    )


def text(passages: list[tuple[Passage, str]], language: str) -> str:
    """What the passages say, in `language`: one paragraph up to each long pause, a line each."""
    paragraphs: list[list[str]] = []
    until = 0.0
    for passage, told in passages:
        if not told.strip():
            continue
        if not paragraphs or passage.start - until >= PARAGRAPH_S:
            paragraphs.append([])
        paragraphs[-1].append(" ".join(told.split()))
        until = passage.end
    return "".join(sentences.join(paragraph, language) + "\n\n" for paragraph in paragraphs)[:-1]


def _clock(milliseconds: int, point: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{thousandths:03}"


def _body(cue: Cue, written: Callable[[str], str]) -> str:
    return "\n".join(written(line) for line in cue.lines)


def _disarmed(line: str) -> str:
    """An arrow would be taken for a cue's times."""
    return line.replace("-->", "→")


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
