"""Which trace an utterance belongs to, worked out by whoever needs to know. PURE.

One utterance is one trace. Its id, and those of the spans that there is only one of, are hashes of session and
utterance: so every process agrees on them, and so does a scheduler that takes over from one that died and does all of
it again, though nobody keeps them anywhere. Whether a trace is recorded follows from its id too, so that all processes
record it or none does. `wire.spans` sends what is recorded.

Between processes ids also travel as W3C Trace Context says (https://www.w3.org/TR/trace-context/), in the header
`traceparent` of stored messages, for programs that do not know these hashes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

TRACEPARENT = "traceparent"
ROOT = "utterance"
"""The span that all others are under."""

_WRITTEN = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_SAMPLED_OF = 1 << 64


def trace_id(session: str, utterance: int) -> int:
    """128 bits, not 0."""
    return int.from_bytes(_hash(session, utterance, "")[:16], "big") or 1


def span_id(session: str, utterance: int, what: str = ROOT) -> int:
    """64 bits, not 0: the span of which there is one in an utterance, or (`what` names it) in each attempt."""
    return int.from_bytes(_hash(session, utterance, what)[:8], "big") or 1


def _hash(session: str, utterance: int, what: str) -> bytes:
    return hashlib.sha256(f"{session}.{utterance}/{what}".encode()).digest()


def sampled(trace: int, ratio: float) -> bool:
    """Whether this one is of the share `ratio` that is recorded: by its low 64 bits, as OpenTelemetry's own sampler."""
    return trace % _SAMPLED_OF < round(ratio * _SAMPLED_OF)


def shown(trace: int) -> str:
    """As collectors and logs write it."""
    return f"{trace:032x}"


def written(trace: int, span: int) -> str:
    """The header's value, of a trace that is recorded."""
    return f"00-{trace:032x}-{span:016x}-01"


def parent_in(headers: Mapping[str, str]) -> int:
    """The span that the sender names as the parent; 0 where it names none that can be read."""
    found = _WRITTEN.fullmatch(headers.get(TRACEPARENT, ""))
    return int(found[2], 16) if found is not None else 0


def of_line(fields: Mapping[str, Any]) -> int | None:
    """The trace that a log line with these fields is about: it names session and utterance, or a job."""
    match fields:
        case {"session": str(session), "utterance": int(utterance)}:
            return trace_id(session, utterance)
        case {"job": str(job)}:
            session, _, number = job.rpartition(".")
            return trace_id(session, int(number)) if session and number.isdecimal() else None
    return None
