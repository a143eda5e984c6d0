"""PURE. What was said beside what was told: is every utterance there exactly once, in order, whole, and how late?

`judge` compares what a speaker heard with what an undisturbed speaker heard of the same sound. A fault may cut an
utterance in two, where its audio stopped coming for a while; what it may never do is lose or repeat any. So what is
compared is the voice that is covered: of each utterance that should be there, all but `SLACK_S`; and no sound twice.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.speaker import Heard
from wire.protocol import (
    ErrorTold,
    SessionClosed,
    SpeechFinished,
    SpeechMissing,
    TranscriptFinal,
    TranslationFinal,
    UtteranceEmpty,
)

SLACK_S = 0.4
"""A cut may fall into the voice, and the detector needs a moment to hear it again."""
OVERLAP_S = 0.05
SPEECH_RATE = 16_000

Span = tuple[float, float]


@dataclass
class Verdict:
    """`delays`: of each utterance, from the end of its voice to the last that was told of it. `notes` are for people:
    one line for each thing that is wrong."""

    utterances: int = 0
    lost: int = 0
    repeated: int = 0
    disordered: int = 0
    delays: list[tuple[float, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.repeated or self.disordered or self.notes)


def spans(heard: Heard) -> list[Span]:
    """Where the voice of each transcript lies, in seconds of the audio."""
    return [(event.start, event.end) for _, event in heard.events if isinstance(event, TranscriptFinal)]


def judge(heard: Heard, expected: Sequence[Span], targets: Sequence[str], speech: bool) -> Verdict:
    """`expected` are the spans of an undisturbed run; `targets` and `speech` what was asked for."""
    found = Verdict(notes=[f"{heard.session}: {fault}" for fault in heard.faults])
    found.disordered = sum("came after" in fault for fault in heard.faults)
    found.repeated = sum("came when" in fault for fault in heard.faults)
    _count(heard, targets, speech, found)
    told = spans(heard)
    found.utterances = len(told)
    for start, end in expected:
        missed = (end - start) - sum(max(0.0, min(end, e) - max(start, s)) for s, e in told)
        if missed > SLACK_S or missed >= end - start:
            found.lost += 1
            found.notes.append(f"{heard.session}: of {start:.2f}..{end:.2f} s of voice {missed:.2f} s are lost: {told}")
    for (_, end), (start, _) in itertools.pairwise(told):
        if end - start > OVERLAP_S:
            found.repeated += 1
            found.notes.append(f"{heard.session}: the same sound twice: {told}")
    return found


def _count(heard: Heard, targets: Sequence[str], speech: bool, found: Verdict) -> None:
    """Each utterance has its outcomes once and in order; and when the last of them came."""
    lanes: dict[str, list[int]] = {"": [], **{target: [] for target in targets}}
    voices: dict[str, list[int]] = {target: [] for target in targets if speech}
    texts: dict[int, str] = {}
    ends: dict[int, float] = {}
    last: dict[int, float] = {}
    closed: SessionClosed | None = None
    for at, event in heard.events:
        number = getattr(event, "utterance", None)
        if number is not None:
            last[number] = at
        match event:
            case TranscriptFinal(utterance=utterance, text=text, start=start, end=end):
                lanes[""].append(utterance)
                texts[utterance], ends[utterance] = text, end
                seconds = float(text.split()[2]) if text.startswith("I heard ") else -1.0
                if seconds < end - start - OVERLAP_S:
                    found.notes.append(f"{heard.session}: {text!r} was heard in {start:.2f}..{end:.2f} s")
            case UtteranceEmpty(utterance=utterance):
                lanes[""].append(utterance)
            case ErrorTold(utterance=int(utterance), target=target, code=code):
                found.lost += 1
                found.notes.append(f"{heard.session}: utterance {utterance} {target or ''} ended as {code}")
                lanes[target or ""].append(utterance)
            case TranslationFinal(utterance=utterance, target=target, text=text):
                lanes[target].append(utterance)
                if text != f"[{target}] {texts.get(utterance)}":
                    found.notes.append(f"{heard.session}: translation {utterance} is of another text")
            case SpeechFinished(utterance=utterance, target=target, seconds=seconds):
                voices[target].append(utterance)
                if abs(heard.samples.get((utterance, target), 0) / SPEECH_RATE - seconds) > 0.01:
                    found.notes.append(f"{heard.session}: speech {utterance} {target} is not {seconds} s long")
            case SpeechMissing(utterance=utterance, target=target):
                voices[target].append(utterance)
            case SessionClosed():
                closed = event
    _in_order("transcripts", lanes.pop(""), sorted(set(last)), heard, found)
    for name, numbers in [*lanes.items(), *((f"speech {target}", told) for target, told in voices.items())]:
        _in_order(name, numbers, sorted(texts), heard, found)
    if closed is None or closed.utterances != len(last):
        found.notes.append(f"{heard.session}: closed with {closed}, and {len(last)} utterances were told")
    found.delays = [(heard.began + end, last[number] - heard.began - end) for number, end in ends.items()]


def _in_order(lane: str, told: list[int], expected: list[int], heard: Heard, found: Verdict) -> None:
    counts = Counter(told)
    twice = [number for number, count in counts.items() if count > 1]
    missing = [number for number in expected if number not in counts]
    found.repeated += len(twice)
    found.lost += len(missing)
    if told != sorted(told):
        found.disordered += 1
    if told != expected or (lane == "transcripts" and expected != list(range(1, len(expected) + 1))):
        found.notes.append(f"{heard.session}: {lane} came as {told}, expected {expected}")
