"""What a node adds to the trace of an utterance: an attempt at its job, how long that waited, and its stages.

    node.queue         from the job being stored until this node begins
    node.attempt       from there until everything is stored, or it ended otherwise (`outcome`)
      node.asr         one of each: until the text is there,
      node.translate   each target's is
      node.speech      or all of a target's speech is

All are under the span that the job's `traceparent` names: that of the attempt's dispatch. Stages are seen from the
process that talks to NATS, so that the way to the engines and back is in them. A node that is killed leaves the spans
that were sent by then: those of stages that were over, a second ago.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from node_runtime.frames import Step
from wire import spans, trace
from wire.bus import Taken
from wire.jobs import Job, PartialJob
from wire.messages import (
    FoundEmpty,
    JobProgressed,
    SpeechEnded,
    SpeechUnavailable,
    StageFailed,
    Transcribed,
    Translated,
)


class Attempt:
    """One delivery of a job to this node."""

    def __init__(self, node: str, taken: Taken, job: Job) -> None:
        self._node = node
        self._job = job
        self._stored, self._deliveries = taken.stored, taken.deliveries
        self._above = trace.parent_in(taken.headers) if spans.on() else 0
        self._span = spans.fresh() if spans.on() else 0
        self._began = 0.0
        self._since: dict[tuple[str, str], float] = {}

    @property
    def headers(self) -> Mapping[str, str]:
        """For what it stores."""
        return spans.headers(self._job.session, self._job.utterance, self._span)

    def begin(self) -> None:
        if spans.on():
            self._began = time.time()
            self._record("node.queue", self._stored, self._above, about={"deliveries": self._deliveries})

    def step(self, target: str, step: Step) -> None:
        """The engines said this, of speech in `target`."""
        if not spans.on():
            return
        match step:
            case JobProgressed(stage=stage):
                self._since.setdefault((stage, target if stage == "speech" else ""), time.time())
            case Transcribed(text=text, language=language):
                self._over("asr", about={"characters": len(text), "language": language})
            case FoundEmpty(reason=reason):
                self._over("asr", about={"empty": reason})
            case Translated(target=into, text=text):
                self._over("translate", into, about={"characters": len(text)})
            case SpeechEnded(target=into, seconds=seconds, chunks=chunks):
                self._over("speech", into, about={"seconds": seconds, "chunks": chunks})
            case SpeechUnavailable(target=into):
                self._over("speech", into, error="unavailable")
            case StageFailed(stage=stage, target=into, code=code):
                self._over(stage, into or "", error=code)
            case _:
                pass

    def _over(
        self, stage: str, target: str = "", *, error: str = "", about: spans.Attributes = spans.NO_ATTRIBUTES
    ) -> None:
        since = self._since.get((stage, target if stage == "speech" else ""))
        if since is None:  # the original is its own translation
            return
        about = {**about, "target": target} if target else about
        self._record(f"node.{stage}", since, self._span, error=error, about=about)

    def end(self, outcome: str, error: str = "") -> None:
        """`error`: the code of its failure."""
        if spans.on():
            about = {"outcome": outcome}
            self._record("node.attempt", self._began, self._above, span=self._span, error=error, about=about)

    def _record(
        self, name: str, start: float, parent: int, *, span: int = 0, error: str = "", about: spans.Attributes
    ) -> None:
        spans.record(
            name, self._job.session, self._job.utterance, start, time.time(), span=span, parent=parent or None,
            error=error, about={**about, "node": self._node, "attempt": self._job.attempt},
        )  # fmt: skip


def partial(job: PartialJob, began: float, outcome: str) -> None:
    """A live caption was asked for, and this is how it ended."""
    spans.record(
        "node.partial", job.session, job.utterance, began, time.time(),
        about={"generation": job.generation, "outcome": outcome, "whole": job.whole},
    )  # fmt: skip
