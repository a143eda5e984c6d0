"""What an ear is asked about an utterance: the same of a job and of a partial that may become its final. PURE."""

from __future__ import annotations

from dataclasses import dataclass

from wire.jobs import Job, PartialJob
from wire.messages import AUTO


@dataclass(frozen=True, slots=True)
class Ask:
    """In the words of `wire.jobs.Job`. `source` may be "auto"; then `expected` and `between` say what to reckon with.
    `hot` are names and terms that may be said. `timed` asks for word times. `voiced`: seconds of voice in the audio, 0
    where nobody counted."""

    source: str = AUTO
    prompt: str = ""
    expected: str = ""
    between: tuple[str, ...] = ()
    hot: tuple[str, ...] = ()
    timed: bool = False
    voiced: float = 0.0


def ask_of(job: Job | PartialJob) -> Ask:
    return Ask(
        source=job.source,
        prompt=job.prompt,
        expected=job.expected,
        between=tuple(job.between),
        hot=tuple(dict.fromkeys([*job.glossary.words, *job.glossary.terms])),
        timed=job.words if isinstance(job, Job) else job.timed,
        voiced=job.voiced,
    )
