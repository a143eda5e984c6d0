"""Whether a node may take a job, and which part of it. PURE: one matcher for who gives work and who takes it.

A scheduler asks before it sends a job to a node, a node before it keeps one that it pulled from its pool's lane. Each
node is asked the same questions in the same order; the first that it cannot answer is why it is refused:

    offline, draining     nothing can be sent there
    no_gpu                the pool wants a GPU, and it has none
    foreign_load          others use that host (a shared desktop) more than is polite; dedicated hosts do not care
    excluded              an earlier attempt of this job failed there
    tag                   a capability that the job asks for is missing
    source, target, voice the model or voice for this language is missing

The first three do not depend on the job (`unfit`): such a node asks its pool for nothing. With only a target or a voice
missing it can do a part (`helps`, `covered`, `part`); the rest is another attempt's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from wire.jobs import Job
from wire.languages import translates
from wire.messages import AUTO
from wire.records import NodeRecord

Refusal = Literal[
    "offline", "draining", "no_gpu", "foreign_load", "excluded", "tag", "source", "target", "voice", "no_slot"
]

FOREIGN_LOAD_PERCENT = 25.0


class Need(msgspec.Struct, frozen=True):
    """What a job asks for. `heard`: its transcript is known, so nobody must transcribe. `last` served it before."""

    pool: str
    source: str
    targets: list[str]
    speak: list[str]
    heard: bool = False
    excluded: Sequence[str] = ()
    tags: Sequence[str] = ()
    last: str = ""


class Rules(msgspec.Struct, frozen=True):
    """What a pool asks of its nodes."""

    cpu_allowed: bool = True
    foreign_load: float = FOREIGN_LOAD_PERCENT


def need_of(job: Job, excluded: Sequence[str] = (), last: str = "") -> Need:
    return Need(
        pool=job.pool,
        source=job.transcript_language or job.source,
        targets=[target for target in job.targets if target not in job.translations],
        speak=job.speak,
        heard=bool(job.transcript),
        excluded=excluded,
        last=last,
    )


def unfit(node: NodeRecord, rules: Rules) -> Refusal | None:
    """Why this node may take no job at all."""
    return _first(_conditions(node, rules))


def refusal(need: Need, node: NodeRecord, rules: Rules) -> Refusal | None:
    """Why this node may not have this job, or not all of it."""
    return unfit(node, rules) or lacks(need, node)


def lacks(need: Need, node: NodeRecord) -> Refusal | None:
    """What it lacks for all of this job."""
    return _first(_capabilities(need, node))


def _first(checks: Iterator[tuple[bool, Refusal]]) -> Refusal | None:
    return next((reason for passed, reason in checks if not passed), None)


def _conditions(node: NodeRecord, rules: Rules) -> Iterator[tuple[bool, Refusal]]:
    yield node.ready, "offline"
    yield not node.draining, "draining"
    yield rules.cpu_allowed or bool(node.gpus), "no_gpu"
    yield node.dedicated or node.foreign_load <= rules.foreign_load, "foreign_load"


def _capabilities(need: Need, node: NodeRecord) -> Iterator[tuple[bool, Refusal]]:
    yield node.node not in need.excluded, "excluded"
    yield not need.tags or set(need.tags) <= set(node.tags), "tag"
    yield hears(need, node), "source"
    yield all(translates(node, need.source, target) for target in need.targets), "target"
    yield node.voices.keys() >= set(need.speak), "voice"


def hears(need: Need, node: NodeRecord) -> bool:
    return need.heard or need.source == AUTO or need.source in node.sources


def helps(need: Need, node: NodeRecord) -> bool:
    """Whether it can do any of it."""
    return hears(need, node) and (not need.heard or covered(need, node) > 0)


def covered(need: Need, node: NodeRecord) -> int:
    """How many translations and voices of the job it has."""
    return len(_translatable(need, node)) + len(set(need.speak) & set(node.voices))


def _translatable(need: Need, node: NodeRecord) -> set[str]:
    return {target for target in need.targets if translates(node, need.source, target)}


def served(need: Need, nodes: Iterable[NodeRecord]) -> Need:
    """Without what none of these nodes can translate or speak: whoever runs the job says so."""
    there = [node for node in nodes if need.pool in node.pools]
    targets = set().union(*(_translatable(need, node) for node in there))
    voices = set().union(*(node.voices for node in there))
    return msgspec.structs.replace(
        need,
        targets=[target for target in need.targets if target in targets],
        speak=[target for target in need.speak if target in voices],
    )


def part(job: Job, node: NodeRecord) -> Job:
    """What this node can do of the job."""
    source = job.transcript_language or job.source
    can = [target for target in job.targets if target in job.translations or translates(node, source, target)]
    return msgspec.structs.replace(
        job, targets=can, speak=[target for target in job.speak if target in can and target in node.voices]
    )
