"""Sessions and transcripts as docs/history.md has them. PURE."""

from __future__ import annotations

from typing import Any

from ingress.history import texts
from wire.history import AnyEntry, HistoryRecord, Line, Transcript, ended_at


def listed(record: HistoryRecord, last: AnyEntry, stamp: float) -> dict[str, Any]:
    """`last` is the session's last entry, stored at `stamp`."""
    return {
        "object": "session",
        "id": record.session,
        "began": record.began,
        "ended": ended_at(last, stamp) or None,
        "source": record.source,
        "targets": record.targets,
        "between": record.between,
    }


def session(transcript: Transcript) -> dict[str, Any]:
    return {
        "object": "session",
        "id": transcript.session,
        "began": transcript.began or None,
        "ended": transcript.ended or None,
        "source": transcript.source,
        "targets": transcript.targets,
        "between": transcript.between,
        "reason": transcript.reason or None,
        "utterances": len(transcript.lines),
        "seconds": max((line.end for line in transcript.lines), default=0.0),
        "languages": transcript.languages,
    }


def whole(transcript: Transcript, language: str = "") -> dict[str, Any]:
    """With a `language`, utterances that have something in it, and nothing in any other."""
    lines = transcript.lines
    if language:
        lines = [line for line in lines if texts.told(line, language) is not None]
    return {
        "object": "transcript",
        "session": transcript.session,
        "language": language or None,
        "ended": bool(transcript.ended),
        "utterances": [_line(line, language) for line in lines],
    }


def _line(line: Line, language: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "utterance": line.utterance,
        "start": line.start,
        "end": line.end,
        "language": language or line.language or None,
        "text": texts.told(line, language),
    }
    if not language:
        shown["translations"] = line.translations
        shown["errors"] = [
            {"target": target or None, "code": failed.code, "message": failed.message}
            for target, failed in sorted(line.errors.items())
        ]
    if line.words and language in ("", line.language):
        shown["words"] = [{"text": word.text, "start": word.start, "end": word.end} for word in line.words]
    return shown
