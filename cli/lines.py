"""What `dragoman stream` shows where nobody watches a terminal: JSON for programs, or plain lines for people.

Both are a `View`: told what was sent and what was heard, they print. `t` is seconds since the first audio was sent.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Protocol, TextIO

import msgspec

from cli.events import Event, Interrupted, Postponed, Returned, SpeechFrame, UnknownEvent
from cli.summary import Summary
from wire.protocol import (
    AudioAck,
    ErrorTold,
    QueueStatus,
    SpeechMissing,
    TranscriptFinal,
    TranslationFinal,
    UtteranceEmpty,
)


class View(Protocol):
    def sent(self, seconds: float) -> None:
        """`seconds` of audio have been sent in all."""

    def heard(self, event: Event, t: float) -> None: ...

    def ended(self, summary: Summary) -> None: ...


class JsonLines:
    """One event a line. `audio.ack`, speech frames and unknown events are left out."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def sent(self, seconds: float) -> None:
        """JSON shows events, no progress."""

    def heard(self, event: Event, t: float) -> None:
        if not isinstance(event, AudioAck | SpeechFrame | UnknownEvent):
            fields = msgspec.to_builtins(event)
            self._print({"type": fields.pop("type"), "t": round(t, 3), **fields})

    def ended(self, summary: Summary) -> None:
        self._print({"type": "summary", **asdict(summary)})

    def _print(self, line: dict[str, object]) -> None:
        self._out.write(msgspec.json.encode(line).decode() + "\n")
        self._out.flush()


class PlainLines:
    """Finals as lines on `out`, errors on `complaints`."""

    def __init__(self, out: TextIO, complaints: TextIO) -> None:
        self._out = out
        self._complaints = complaints
        self._place = 0

    def sent(self, seconds: float) -> None:
        """Lines show what is final, no progress."""

    def heard(self, event: Event, t: float) -> None:
        match event:
            case TranscriptFinal():
                self._print(t, event.utterance, event.language, event.text)
                if event.words:
                    self._out.write(f"{'':18}{'  '.join(f'{word.start:.1f} {word.text}' for word in event.words)}\n")
            case TranslationFinal():
                self._print(t, event.utterance, event.target, event.text)
            case UtteranceEmpty():
                self._print(t, event.utterance, "--", f"({event.reason})")
            case SpeechMissing():
                self._print(t, event.utterance, event.target, f"(not spoken: {event.reason})")
            case ErrorTold():
                self._complaints.write(f"dragoman stream: {complaint(event)}\n")
            case QueueStatus() | Postponed():
                self._wait(event)
            case Interrupted():
                self._complaints.write("dragoman stream: the connection is lost: trying to come back\n")
            case Returned():
                self._complaints.write("dragoman stream: the connection is back\n")

    def ended(self, summary: Summary) -> None:
        self._out.write(described(summary) + "\n")
        self._out.flush()

    def _wait(self, event: QueueStatus | Postponed) -> None:
        """A place is told each second: here, once."""
        place = event.position if isinstance(event, QueueStatus) else 0
        if place != self._place or not place:
            self._place = place
            self._complaints.write(f"dragoman stream: {waiting(event)}\n")

    def _print(self, t: float, utterance: int, language: str, text: str) -> None:
        self._out.write(f"{t:7.1f} s  {utterance:>3} {language:<3} {text}\n")
        self._out.flush()


def waiting(event: QueueStatus | Postponed) -> str:
    """What somebody waits for, in a line."""
    if isinstance(event, Postponed):
        return f"there is no room, and the line is full: trying again in {event.seconds:.0f} s"
    eta = f", about {max(1, round(event.eta_s))} s" if event.eta_s is not None else ""
    return f"waiting to be let in: number {event.position} in line{eta}"


def complaint(error: ErrorTold) -> str:
    """An error in a line, with what it was about."""
    about = "" if error.utterance is None else f"utterance {error.utterance}"
    about += f" in {error.target}" if error.target else ""
    return f"{about + ': ' if about else ''}{error.message} ({error.code})"


def described(summary: Summary) -> str:
    """A summary in a line."""
    if not summary.audio_s:
        return "no audio was sent"
    parts = [f"{summary.audio_s:.1f} s of audio", f"{summary.utterances} utterances"]
    if summary.first_text_s is not None:
        parts.append(f"first text after {summary.first_text_s:.1f} s")
    if summary.partials:
        parts.append(f"{summary.partials} partials")
    if summary.final_lag_s is not None:
        parts.append(f"last text {summary.final_lag_s:.1f} s after the last audio")
    parts.append(f"{summary.lost} lost" if summary.lost else "nothing lost")
    return ", ".join(parts)
