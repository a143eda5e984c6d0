"""What a partial job goes through: what was said so far, maybe with its translation. In the engines' process.

Finals go first (node_runtime.precedence): between its steps a glimpse waits until no final is in hand, and when that
has taken so long that nobody can want it any more, it ends without an answer. A job that is `whole` is heard as a final
would be, by the same call and in one go, for it may become one; and if the final comes meanwhile, it finds the work
half done.
"""

from __future__ import annotations

import time

from node_runtime.engines.ask import ask_of
from node_runtime.engines.base import Engines, Heard, Hearing
from node_runtime.interpreting import Said, translations
from node_runtime.pipeline import check, samples, timed
from node_runtime.precedence import Precedence
from wire.jobs import PartialJob
from wire.log import get
from wire.messages import Hypothesis

log = get(__name__)

USEFUL_S = 3.0
"""A glimpse that could not go on for so long is given up."""


class Glimpser:
    """Answers partial jobs on the node `node`, from one thread for each that runs at once."""

    def __init__(self, node: str, engines: Engines, precedence: Precedence) -> None:
        self._node = node
        self._engines = engines
        self._precedence = precedence

    def glimpse(self, job: PartialJob) -> Hypothesis | None:
        """None: too late. Raises whatever the ear raises; a translation that fails is left out."""
        since = time.perf_counter()
        until = since + USEFUL_S
        hearing = self._engines.ear.listen(samples(job.pcm))
        ask = ask_of(job)
        check(ask, self._engines.ear)
        if not self._may_go_on(until):
            return None
        if job.whole:
            found = hearing.transcribe(ask)
        else:
            hearing.prepare()
            if not self._may_go_on(until):
                return None
            found = hearing.sketch(ask)
        if not isinstance(found, Heard):
            return self._answer(job, since, empty=found)
        return self._answer(
            job,
            since,
            text=found.text,
            language=found.language,
            language_probability=found.language_probability,
            confidence=found.confidence,
            words=timed(found, job.start),
            translations=self._translated(job, hearing, found, until),
        )

    def _translated(self, job: PartialJob, hearing: Hearing, heard: Heard, until: float) -> dict[str, str]:
        """What could be translated in time."""
        wanted = [target for target in job.live if target != heard.language]
        done: dict[str, str] = {}
        if heard.language in job.live and not job.between:
            done[heard.language] = heard.text
        if not wanted or not self._may_go_on(until):
            return done
        said = Said(heard.text, heard.language, hearing)
        for target, outcome in translations(self._engines, said, wanted, job.glossary):
            if isinstance(outcome, str):
                done[target] = outcome
            else:
                log.info("a live translation failed", session=job.session, target=target, error=type(outcome).__name__)
        return done

    def _may_go_on(self, until: float) -> bool:
        return self._precedence.is_free(until - time.perf_counter())

    def _answer(self, job: PartialJob, since: float, **fields: object) -> Hypothesis:
        return Hypothesis(
            session=job.session,
            utterance=job.utterance,
            generation=job.generation,
            node=self._node,
            seconds=round(time.perf_counter() - since, 3),
            **fields,  # type: ignore[arg-type]
        )
