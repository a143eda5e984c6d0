"""Was a stream served? PURE. Only what is right and in time counts.

success    its text is what was said, in order, nothing lost, nothing twice, every final within `lag` seconds of the
           end of its voice, and the session was closed in good order
failed     it was let in and one of these does not hold, or it was never answered at all: for each reason a word
in line    it was told its place, and was still not let in when it left
refused    it was told at once, or in line, that it cannot be
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from bench.load.plan import Answer, Final, Script, Told
from bench.streamed import error_rate

EARLY_S = 0.05
"""What the server says about where a voice lies is rounded."""
Kind = Literal["success", "failed", "in line", "refused"]
LINE, LEFT = "still in line", "left"


class Verdict(msgspec.Struct, kw_only=True):
    """`lags`: (when, seconds from the end of the voice to the final), translations included. `reasons` of a failure,
    each once."""

    kind: Kind
    reasons: list[str] = []
    lost: int = 0
    repeated: int = 0
    wrong: int = 0
    late: int = 0
    lags: list[tuple[float, float]] = []
    finals: int = 0


def let_in(told: Told) -> bool:
    return any(visit.let_in for visit in told.visits)


def judge(told: Told, script: Script, targets: Sequence[str], lag: float) -> Verdict:
    """Of one who was to speak."""
    if not let_in(told):
        return outside(told)
    found = Verdict(kind="failed", finals=len(told.finals))
    reasons = Counter(f"error: {code}" for code in told.errors)
    if told.faults:
        reasons["broke the protocol"] += 1
    transcripts = [final for final in told.finals if not final.target]
    if script.said:
        _by_words(transcripts, told, script, found)
    else:
        _to_the_letter(transcripts, script.answers, found)
    for target in targets:
        _translated([final for final in told.finals if final.target == target], transcripts, bool(script.said), found)
    ends = {final.utterance: final.end for final in transcripts}
    if not script.said:
        ends |= {number: answer.end for number, answer in enumerate(script.answers, 1)}
    for final in told.finals:
        if final.utterance in ends:
            seconds = final.at - told.began - ends[final.utterance]
            found.lags.append((final.at, seconds))
            found.late += seconds > lag
    for what in ("lost", "repeated", "wrong", "late"):
        if getattr(found, what):
            reasons[what] += 1
    if not told.closed:
        reasons[told.ended or "never closed"] += 1
    found.reasons = sorted(reasons)
    found.kind = "failed" if reasons else "success"
    return found


def outside(told: Told) -> Verdict:
    """Of one who was not let in."""
    if told.ended.startswith("refused"):
        return Verdict(kind="refused", reasons=[told.ended.removeprefix("refused: ")])
    waits = any(visit.answer == "line" for visit in told.visits)
    if waits and told.ended in (LINE, LEFT):
        return Verdict(kind="in line")
    return Verdict(kind="failed", reasons=[told.ended or "never answered"])


def judge_holder(told: Told, visit: int) -> Verdict:
    """Of one who says nothing, and stays: what became of it at this visit. It must be answered, and be kept until it
    leaves or the connection is lost, after which comes another visit."""
    if visit < len(told.visits) - 1:
        return Verdict(kind="success" if told.visits[visit].let_in else "in line")
    if told.ended.startswith("refused"):
        return outside(told)
    if told.ended != LEFT:
        return Verdict(kind="failed", reasons=[told.ended or "never answered"])
    if not told.visits[-1].answered:
        return Verdict(kind="failed", reasons=["never answered"])
    if told.faults:
        return Verdict(kind="failed", reasons=["broke the protocol"])
    return Verdict(kind="success" if told.visits[-1].let_in else "in line")


def _to_the_letter(transcripts: Sequence[Final], answers: Sequence[Answer], found: Verdict) -> None:
    told: dict[int, Final] = {}
    for place, final in enumerate(transcripts):
        found.repeated += final.utterance in told
        found.wrong += bool(place) and final.utterance < transcripts[place - 1].utterance  # out of order
        told.setdefault(final.utterance, final)
    for number, answer in enumerate(answers, 1):
        final_or_none = told.pop(number, None)
        if final_or_none is None:
            found.lost += 1
        elif final_or_none.text != answer.text or abs(final_or_none.end - answer.end) > EARLY_S:
            found.wrong += 1
    found.wrong += len(told)  # nobody said these


def _by_words(transcripts: Sequence[Final], told: Told, script: Script, found: Verdict) -> None:
    numbers = [final.utterance for final in transcripts]
    found.repeated += len(numbers) - len(set(numbers))
    found.wrong += numbers != sorted(numbers)
    last = max([*numbers, *told.empty], default=0)
    found.lost += last - len(set(numbers) | set(told.empty))
    if not transcripts:
        found.lost += 1
    elif error_rate(script.said, " ".join(final.text for final in transcripts)) > script.wer:
        found.wrong += 1


def _translated(told: Sequence[Final], transcripts: Sequence[Final], real: bool, found: Verdict) -> None:
    """Each transcript has one translation into this target, in the same order."""
    texts = {final.utterance: final.text for final in transcripts}
    numbers = [final.utterance for final in told]
    found.repeated += len(numbers) - len(set(numbers))
    found.wrong += numbers != sorted(numbers)
    found.lost += len(set(texts) - set(numbers))
    for final in told:
        expected = f"[{final.target}] {texts.get(final.utterance)}"
        found.wrong += not final.text if real else final.text != expected
