"""What people who spoke at the same time got, in figures, beside what the bare engine would have needed. PURE.

The bound is the engine alone, in one queue: each utterance is worked on when it has ended and those that ended before
are done, for as long as the bare engine takes for its audio. Nothing can be sooner that decodes each utterance once
after its end; where a live caption of all the speech becomes the final, less is left to do then, and the lag may be
under it.
"""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.rows import percentile, shown

FIRST_TEXT_S, FINAL_LAG_S, FIRST_SOUND_S, TIMES_BOUND = 1.6, 0.9, 0.3, 1.5
"""Budgets: of one session on two cores, with Whisper base and Piper; and of more, as a multiple of the bound (p95)."""

HEADINGS = (
    "sessions", "first text", "partial delay", "final lag", "bound", "p95 / bound", "utterance lag", "WER",
    "partials", "shed", "first sound", "",
)  # fmt: skip


@dataclass
class Utterance:
    """`ended` is when its end could be known, `told` when its final came, `bare` what the engine takes for it alone."""

    text: str
    ended: float
    told: float
    bare: float
    last: bool = False


@dataclass
class Streamed:
    """One session. Moments are seconds of one clock; `delays` and `sounds` are seconds: from the last audio that a
    partial knows to its arrival, and from a translation's text to its first sound."""

    spoke: float
    """Its first voice had been sent."""
    closed: float
    """All its audio had been sent."""
    first_text: float
    utterances: list[Utterance] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    sounds: list[float] = field(default_factory=list)
    asked: int = 0
    answered: int = 0

    @property
    def text(self) -> str:
        return " ".join(each.text for each in self.utterances)


def bounds(sessions: Sequence[Streamed]) -> list[float]:
    """How long after the end of its audio each session's last final could come from the bare engine."""
    free, found = 0.0, []
    for utterance in sorted((each for one in sessions for each in one.utterances), key=lambda each: each.ended):
        free = max(free, utterance.ended) + utterance.bare
        if utterance.last:
            found.append(free - utterance.ended)
    return found


@dataclass(frozen=True)
class Figures:
    """A row of the table. Lists are what percentiles are taken of, in seconds."""

    sessions: int
    first_text: list[float]
    delays: list[float]
    final_lag: list[float]
    bound: list[float]
    utterance_lag: list[float]
    error_rate: float
    bare_error_rate: float
    asked: int
    answered: int
    sounds: list[float]

    @property
    def times_bound(self) -> float:
        return percentile(self.final_lag, 0.95) / percentile(self.bound, 0.95)

    def missed(self) -> list[str]:
        """The budgets that are not kept."""
        found = ["WER"] if self.error_rate > self.bare_error_rate else []
        if self.sessions == 1:
            found += ["first text"] if max(self.first_text) > FIRST_TEXT_S else []
            found += ["final lag"] if max(self.final_lag) > FINAL_LAG_S else []
            found += ["first sound"] if self.sounds and percentile(self.sounds, 0.95) > FIRST_SOUND_S else []
        elif self.times_bound > TIMES_BOUND:
            found.append("p95 / bound")
        return found

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of HEADINGS."""
        return (
            str(self.sessions),
            spread(self.first_text),
            spread(self.delays),
            spread(self.final_lag),
            f"{percentile(self.bound, 0.95):.2f} s",
            f"{self.times_bound:.2f}",
            spread(self.utterance_lag),
            f"{100 * self.error_rate:.1f} ({100 * self.bare_error_rate:.1f}) %",
            f"{self.answered} of {self.asked}",
            f"{100 * (1 - self.answered / self.asked):.0f} %" if self.asked else "",
            ""
            if not self.sounds
            else f"{shown(1000 * statistics.median(self.sounds))}, {1000 * max(self.sounds):.0f} ms",
            f"OVER: {', '.join(self.missed())}" if self.missed() else "ok",
        )


def figures(sessions: Sequence[Streamed], said: str, bare: str) -> Figures:
    """`said` is what each of them said, `bare` what the bare engine hears of it."""
    return Figures(
        sessions=len(sessions),
        first_text=[each.first_text - each.spoke for each in sessions],
        delays=[delay for each in sessions for delay in each.delays],
        final_lag=[max(0.0, each.utterances[-1].told - each.closed) for each in sessions],
        bound=bounds(sessions),
        utterance_lag=[one.told - one.ended for each in sessions for one in each.utterances],
        error_rate=statistics.fmean(error_rate(said, each.text) for each in sessions),
        bare_error_rate=error_rate(said, bare),
        asked=sum(each.asked for each in sessions),
        answered=sum(each.answered for each in sessions),
        sounds=[sound for each in sessions for sound in each.sounds],
    )


def spread(values: Sequence[float]) -> str:
    """p50, p95 and the worst, in seconds."""
    if not values:
        return ""
    return f"{percentile(values, 0.5):.2f}, {percentile(values, 0.95):.2f}, {max(values):.2f} s"


def error_rate(said: str, heard: str) -> float:
    """Words (characters, in scripts without spaces) that are wrong, missing or too much, by those that were said."""
    reference, found = words(said), words(heard)
    row = list(range(len(found) + 1))
    for place, word in enumerate(reference, 1):
        before, row[0] = row[0], place
        for at, other in enumerate(found, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != other))
    return row[-1] / max(1, len(reference))


def words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).casefold().replace("'", " ").replace("’", " ")
    return re.findall(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+", plain)
