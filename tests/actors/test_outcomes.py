"""Whatever order results come in, however often or not at all: one outcome for each utterance and lane, in order."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from actors.attempts import Work
from actors.outcomes import Utterance, tell
from wire.messages import (
    FoundEmpty,
    NodeMessage,
    SpeechEnded,
    SpeechStarted,
    SpeechUnavailable,
    StageFailed,
    Transcribed,
    Translated,
)
from wire.protocol import (
    ClientEvent,
    ErrorTold,
    SpeechBegan,
    SpeechFinished,
    SpeechMissing,
    TranscriptFinal,
    TranslationFinal,
    UtteranceEmpty,
)

UTTERANCES, TARGETS = 4, ("de", "en")


def fresh() -> list[Utterance]:
    return [
        Utterance(
            number=number,
            start=number,
            end=number + 0.5,
            targets=list(TARGETS),
            speak=["en"],
            work=Work(first=0, end=100, source="fr", pool="default", prompt="", sent_at=0),
            deadline=0,
            latest=0,
        )
        for number in range(1, UTTERANCES + 1)
    ]


def results(number: int, attempt: int) -> st.SearchStrategy[NodeMessage]:
    common: dict[str, Any] = {"job": f"s.{number}", "utterance": number, "attempt": attempt, "node": "n"}
    target = st.sampled_from(TARGETS)
    failed = st.builds(
        lambda stage, t: StageFailed(**common, stage=stage, code="c", message="m", retryable=False, target=t),
        st.sampled_from(["asr", "translate", "speech"]),
        st.one_of(st.none(), target),
    )
    return st.one_of(
        st.just(Transcribed(**common, text=f"{number}.{attempt}", language="fr")),
        st.just(FoundEmpty(**common, reason="noise")),
        target.map(lambda t: Translated(**common, target=t, text=f"{t}{number}.{attempt}")),
        st.just(SpeechStarted(**common, target="en", sample_rate=22050)),
        st.just(SpeechEnded(**common, target="en", seconds=1.0, chunks=3)),
        st.just(SpeechUnavailable(**common, target="en", reason="none")),
        failed,
    )


mail = st.lists(
    st.tuples(st.integers(1, UTTERANCES), st.integers(1, 3)).flatmap(lambda pair: results(*pair)), max_size=60
)


@given(mail, st.booleans())
def test_one_outcome_in_each_lane_in_order(arrivals: list[NodeMessage], doubled: bool) -> None:
    utterances = fresh()
    told: list[ClientEvent] = []
    for result in arrivals:
        for _ in range(2 if doubled else 1):
            for utterance in utterances:
                if utterance.number == result.utterance:
                    utterance.fold(result)
            told += tell(utterances)
    for utterance in utterances:
        utterance.expire()
    told += tell(utterances)
    assert utterances == [], "nothing waits for ever"

    lanes: dict[str, list[int]] = defaultdict(list)
    texts: set[int] = set()
    translated: set[int] = set()
    began: list[int] = []
    for event in told:
        match event:
            case TranscriptFinal():
                lanes["transcript"].append(event.utterance)
                texts.add(event.utterance)
            case UtteranceEmpty():
                lanes["transcript"].append(event.utterance)
            case ErrorTold(utterance=int(number), target=None):
                lanes["transcript"].append(number)
            case TranslationFinal():
                assert event.utterance in texts
                lanes[event.target].append(event.utterance)
                if event.target == "en":
                    translated.add(event.utterance)
            case SpeechBegan():
                assert event.utterance in translated
                began.append(event.utterance)
            case SpeechFinished() | SpeechMissing():
                lanes["speech"].append(event.utterance)
            case ErrorTold(utterance=int(number), target=str(target)):
                spoken = target == "en" and number in translated
                lanes["speech" if spoken else target].append(number)
    assert lanes["transcript"] == list(range(1, UTTERANCES + 1))
    for target in TARGETS:
        assert lanes[target] == sorted(texts)
    assert lanes["speech"] == sorted(translated)
    assert began == sorted(set(began))
