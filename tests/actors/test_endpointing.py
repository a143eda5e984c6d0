from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from actors.endpointing import Boundary, Endpointer, Rules
from wire.env import SchedulerSettings

RULES = Rules(
    speech=128, silence=90, pre_roll=3, end_silence=6, hangover=3, merge=12, resume=10, shortest=4, longest=40
)


def run(speech: bytes, *, chunk: int = 1, finalize: bool = True) -> list[Boundary]:
    endpointer = Endpointer()
    ended: list[Boundary] = []
    for at in range(0, len(speech), chunk):
        ended += endpointer.feed(RULES, speech[at : at + chunk])
    last = endpointer.finalize(RULES) if finalize else None
    return [*ended, last] if last else ended


def voice(frames: int) -> bytes:
    return bytes((200,)) * frames


def quiet(frames: int) -> bytes:
    return bytes((2,)) * frames


def test_rules_come_from_the_settings() -> None:
    rules = Rules.of(SchedulerSettings(end_silence_s=0.64, pre_roll_s=0.32, speech_threshold=0.6))
    assert (rules.end_silence, rules.pre_roll, rules.speech, rules.silence) == (20, 10, 153, 89)


def test_silence_ends_nothing_and_opens_nothing() -> None:
    assert run(quiet(10_000), chunk=7) == []


def test_an_utterance_has_pre_roll_and_hangover() -> None:
    assert run(quiet(10) + voice(8) + quiet(20)) == [Boundary(start=7, end=21, voiced_from=10, voiced_to=18)]


def test_pre_roll_never_reaches_into_the_last_utterance() -> None:
    first, second = run(voice(8) + quiet(6) + voice(8) + quiet(6))
    assert first.end == 11
    assert second.start == 11


def test_a_pause_inside_speech_does_not_end_it() -> None:
    assert len(run(voice(8) + quiet(5) + voice(8) + quiet(6))) == 1


def test_a_frame_between_the_thresholds_keeps_speech_going_but_does_not_begin_it() -> None:
    murmur = bytes((100,))
    assert run(murmur * 50) == []
    assert len(run(voice(8) + murmur * 20 + quiet(6))) == 1


def test_too_short_is_merged_with_what_follows_soon() -> None:
    assert run(voice(2) + quiet(8) + voice(2) + quiet(20)) == [Boundary(start=0, end=15, voiced_from=0, voiced_to=12)]


def test_too_short_alone_is_dropped() -> None:
    assert run(quiet(5) + voice(3) + quiet(12) + voice(3) + quiet(12)) == []


def test_the_longest_is_cut_at_its_least_speech_like_frame_and_no_frame_is_lost() -> None:
    first, second = run(voice(30) + bytes((120, 95, 120)) + voice(20) + quiet(6))
    assert (first.start, first.end) == (0, 32)
    assert second.start == 32
    assert second.end == 56


def test_finalize_ends_what_is_open_here() -> None:
    assert run(voice(8) + quiet(2)) == [Boundary(start=0, end=10, voiced_from=0, voiced_to=8)]
    assert run(quiet(8)) == []


def torn(silent: int, then: bytes, spoken: int = 8) -> list[Boundary]:
    """Finalized after `silent` frames of silence behind speech, and then this."""
    endpointer = Endpointer()
    endpointer.feed(RULES, voice(spoken) + quiet(silent))
    first = endpointer.finalize(RULES)
    rest = endpointer.feed(RULES, then + quiet(20))
    return [first, *rest] if first else rest


def test_what_follows_a_cut_in_the_middle_of_speech_loses_no_frame() -> None:
    first, second = torn(0, quiet(7) + voice(8))
    assert (first.end, second.start, second.voiced_from) == (8, 8, 8)


def test_what_was_too_short_when_it_was_cut_goes_on() -> None:
    assert torn(0, quiet(5) + voice(8), spoken=2) == [Boundary(start=0, end=18, voiced_from=0, voiced_to=15)]


def test_speech_after_a_pause_or_long_after_a_cut_has_its_pre_roll_alone() -> None:
    for silent, pause in ((4, 7), (0, 12)):
        _, second = torn(silent, quiet(pause) + voice(8))
        assert second.start == 8 + silent + pause - RULES.pre_roll
        assert second.voiced_from == 8 + silent + pause


def test_a_cut_at_the_longest_tells_where_the_voice_ended() -> None:
    first, _ = run(quiet(10) + voice(20) + quiet(4) + voice(20))
    assert (first.start, first.voiced_from, first.voiced_to) == (7, 10, 30)


frames = st.lists(st.tuples(st.sampled_from([0, 60, 100, 127, 128, 200, 255]), st.integers(1, 30)), max_size=25).map(
    lambda runs: b"".join(bytes((p,)) * n for p, n in runs)
)


@given(frames, st.integers(1, 40))
def test_how_it_is_cut_into_chunks_makes_no_difference(speech: bytes, chunk: int) -> None:
    assert run(speech, chunk=chunk) == run(speech)


@given(frames)
def test_utterances_are_in_order_disjoint_and_bounded(speech: bytes) -> None:
    at = 0
    for boundary in run(speech):
        assert at <= boundary.start <= boundary.voiced_from < boundary.voiced_to <= boundary.end <= len(speech)
        assert boundary.end - boundary.start <= RULES.longest
        at = boundary.end


@given(frames)
def test_no_run_of_speech_is_lost(speech: bytes) -> None:
    kept: set[int] = set()
    for boundary in run(speech):
        kept.update(range(boundary.start, boundary.end))
    voiced = 0
    for at, probability in enumerate([*speech, 0]):
        if probability >= RULES.speech:
            voiced += 1
            continue
        if voiced >= RULES.shortest * 2:
            assert len(set(range(at - voiced, at)) - kept) < RULES.shortest, "but what is too short after a cut"
        voiced = 0


@given(frames)
def test_what_is_kept_covers_what_is_asked_for(speech: bytes) -> None:
    endpointer = Endpointer()
    for probability in speech:
        kept = endpointer.keep_from(RULES)
        for boundary in endpointer.feed(RULES, bytes((probability,))):
            assert boundary.start >= kept
