"""What a scheduler adds to the trace of an utterance: that it was decided, sent to a node, told; and the whole of it.

    utterance            from the moment its first audio arrived until the last of it was told
      scheduler.decide   from the mail (or the deadline) that decided an attempt to the command
      scheduler.dispatch from there until the attempt's job is stored; a node's spans are under it
      scheduler.tell     an event, from the command until it is stored

When audio arrived is reckoned back from the mail that ended the utterance, by the length of what was said since. A
scheduler that takes over commands again what its predecessor did, and records the same spans under the same ids.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from actors.commands import Command, EndSession, RunJob, TellClient
from actors.session import Session
from wire import spans, trace
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE, seconds
from wire.jobs import Job
from wire.protocol import ClientEvent, ErrorTold, TranscriptFinal, UtteranceEmpty
from wire.records import BindingRecord

Headers = spans.Headers


@dataclass
class Begun:
    """An utterance under way: since when (seconds since the epoch), and the number of its last event, once that is
    commanded."""

    start: float
    attempts: int = 0
    outcome: str = ""
    last: int = 0


class Traces:
    """Of the sessions of one partition."""

    def __init__(self) -> None:
        self._begun: dict[tuple[str, int], Begun] = {}

    def commanded(self, session: Session, commands: Iterable[Command], since: float) -> None:
        """These were, because of what is stamped `since`."""
        if not spans.on():
            return
        name, now = session.state.session, time.time()
        under_way = {utterance.number for utterance in session.state.utterances}
        for command in commands:
            match command:
                case RunJob(job=job):
                    begun = self._find(session, job.utterance, job.start, since)
                    begun.attempts = job.attempt
                    id = trace.span_id(name, job.utterance, f"decide.{job.attempt}")
                    about = {"attempt": job.attempt}
                    spans.record("scheduler.decide", name, job.utterance, min(since, now), now, span=id, about=about)
                case TellClient(event) if number := utterance_of(event):
                    start = event.start if isinstance(event, TranscriptFinal | UtteranceEmpty) else None
                    begun = self._find(session, number, start, since)
                    begun.outcome = begun.outcome or _outcome(event)
                    begun.last = 0 if number in under_way else event.n
                case EndSession():
                    self._begun = {key: begun for key, begun in self._begun.items() if key[0] != name or begun.last}
                case _:
                    pass

    def _find(self, session: Session, number: int, start: float | None, since: float) -> Begun:
        """`start` is where it begins in the session's audio, in seconds; None: nobody knows."""
        key = (session.state.session, number)
        if key not in self._begun:
            behind = seconds(session.buffer.end) - start if start is not None else 0.0
            self._begun[key] = Begun(max(session.state.opened_at, since - max(0.0, behind)))
        return self._begun[key]

    def told(self, session: str, event: ClientEvent, issued: float) -> None:
        """It is stored; it was commanded at `issued` by the monotonic clock."""
        if not spans.on() or not (number := utterance_of(event)):
            return
        now = time.time()
        about: dict[str, str | int] = {"event": str(event.__struct_config__.tag), "n": event.n}
        if target := getattr(event, "target", None):
            about["target"] = target
        error = event.code if isinstance(event, ErrorTold) else ""
        started = now - (time.monotonic() - issued)
        spans.record("scheduler.tell", session, number, started, now, error=error, about=about)
        begun = self._begun.get((session, number))
        if begun is not None and begun.last == event.n:
            del self._begun[session, number]
            spans.record(
                "utterance", session, number, begun.start, now, span=trace.span_id(session, number), parent=0,
                error=begun.outcome if begun.outcome not in ("text", "empty") else "",
                about={"outcome": begun.outcome, "attempts": begun.attempts},
            )  # fmt: skip


def dispatched(job: Job, began: float, bound: BindingRecord, excluded: Collection[str]) -> None:
    """The job is stored; it was taken up at `began` (seconds since the epoch)."""
    if spans.on():
        about: spans.Attributes = {
            "attempt": job.attempt, "pool": job.pool, "tenant": job.tenant, "recorded": job.recorded,
            "node": bound.node, "slot": bound.slot, "excluded": ",".join(excluded),
            "audio_s": round(len(job.pcm) / (SAMPLE_RATE * BYTES_PER_SAMPLE), 3),
            "targets": len(job.targets), "spoken": len(job.speak),
        }  # fmt: skip
        now = time.time()
        spans.record("scheduler.dispatch", job.session, job.utterance, began, now, span=dispatch(job), about=about)


def dispatch(job: Job) -> int:
    """The span that a node's are under."""
    return trace.span_id(job.session, job.utterance, f"dispatch.{job.attempt}")


def of_job(job: Job) -> Headers:
    return spans.headers(job.session, job.utterance, dispatch(job)) if spans.on() else spans.NOTHING


def of_event(session: str, event: ClientEvent) -> Headers:
    number = utterance_of(event) if spans.on() else 0
    return spans.headers(session, number) if number else spans.NOTHING


def utterance_of(event: ClientEvent) -> int:
    """Which one it is about; 0: none."""
    return getattr(event, "utterance", None) or 0


def _outcome(event: ClientEvent) -> str:
    """As far as this event says what became of the utterance."""
    match event:
        case TranscriptFinal():
            return "text"
        case UtteranceEmpty():
            return "empty"
        case ErrorTold(target=None, code=code):
            return code
    return ""
