from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from actors.endpointing import NEVER, Boundary, Endpointer, Rules
from wire.env import SchedulerSettings
from wire.options import Endpointing, Options

RULES = Rules(
    speech=128, silence=90, pre_roll=3, end_silence=6, hangover=3, merge=12, resume=10, shortest=4, longest=40,
    onset=4, opens=128,
)  # fmt: skip


RECORDED = Rules.of(SchedulerSettings(), Options(recorded=True))
MANUAL = Rules.of(SchedulerSettings(), Options(endpointing=Endpointing(manual=True)))


def run(speech: bytes, *, chunk: int = 1, finalize: bool = True, rules: Rules = RULES) -> list[Boundary]:
    endpointer = Endpointer()
    ended: list[Boundary] = []
    for at in range(0, len(speech), chunk):
        ended += endpointer.feed(rules, speech[at : at + chunk])
    last = endpointer.finalize(rules) if finalize else None
    return [*ended, last] if last else ended


def voice(frames: int) -> bytes:
    return bytes((200,)) * frames


def quiet(frames: int) -> bytes:
    return bytes((2,)) * frames


def test_rules_come_from_the_settings() -> None:
    rules = Rules.of(SchedulerSettings(end_silence_s=0.64, pre_roll_s=0.32, speech_threshold=0.6))
    assert (rules.end_silence, rules.pre_roll, rules.speech, rules.silence) == (20, 10, 153, 89)


def test_a_session_has_its_own_rules_within_reason() -> None:
    def asked(**how: float) -> Rules:
        return Rules.of(SchedulerSettings(), Options(endpointing=Endpointing(**how)))  # type: ignore[arg-type]

    assert asked() == Rules.of(SchedulerSettings())
    rules = asked(threshold=0.8, silence_s=1.28, pre_roll_s=0.64)
    assert (rules.speech, rules.silence, rules.opens) == (204, 166, 204), "hysteresis follows"
    assert (rules.end_silence, rules.pre_roll, rules.merge) == (40, 20, 47)
    least = asked(threshold=0, silence_s=0, pre_roll_s=-1)
    assert (least.speech, least.silence, least.end_silence, least.hangover, least.pre_roll) == (13, 5, 3, 3, 0)
    most = asked(threshold=7, silence_s=1e9, pre_roll_s=1e9)
    assert (most.speech, most.end_silence, most.pre_roll) == (242, 312, 62)


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


# --- what a client ends itself ---------------------------------------------------------------------------------------


def test_nothing_ends_it_but_finalize() -> None:
    assert MANUAL.end_silence == NEVER
    speech = quiet(50) + voice(20) + quiet(300)
    assert run(speech, rules=MANUAL, finalize=False) == []
    assert run(speech, rules=MANUAL) == [Boundary(start=0, end=370, voiced_from=50, voiced_to=70)]
    assert run(quiet(3), rules=MANUAL) == [Boundary(start=0, end=3, voiced_from=0, voiced_to=3)]
    assert run(voice(2), rules=MANUAL) == []


@given(frames)
def test_no_frame_is_lost_or_anybody_elses(speech: bytes) -> None:
    endpointer, ended = Endpointer(), []
    for at in range(0, len(speech), 50):
        ended += endpointer.feed(MANUAL, speech[at : at + 50])
        last = endpointer.finalize(MANUAL) if at % 3 == 0 else None
        ended += [last] if last is not None else []
    last = endpointer.finalize(MANUAL)
    ended += [last] if last is not None else []
    at = 0
    for boundary in ended:
        assert boundary.start == at
        assert boundary.end - boundary.start <= MANUAL.longest
        assert boundary.start <= boundary.voiced_from < boundary.voiced_to <= boundary.end
        at = boundary.end
    assert at >= len(speech) - MANUAL.least


# --- pieces of recordings --------------------------------------------------------------------------------------------

SECOND = 31
"""Frames, nearly."""


def test_speech_is_collected_over_pauses_until_it_is_enough() -> None:
    talk = (voice(3 * SECOND) + quiet(SECOND)) * 10
    lengths = [boundary.end - boundary.start for boundary in run(talk, rules=RECORDED)]
    assert [round(length / SECOND) for length in lengths] == [15, 12, 12]


def test_a_long_silence_always_ends_it_and_is_left_out() -> None:
    first, second = run(quiet(200) + voice(40) + quiet(110) + voice(40) + quiet(500), rules=RECORDED)
    assert (first.start, first.end) == (200 - RECORDED.pre_roll, 240 + RECORDED.hangover)
    assert (second.start, second.end) == (350 - RECORDED.pre_roll, 390 + RECORDED.hangover)
    (last,) = run(voice(40) + quiet(80), rules=RECORDED)
    assert last.end == 40 + RECORDED.hangover, "not at the end of the recording either"


def test_the_longer_it_is_the_shorter_a_pause_is_enough() -> None:
    def ends_with(pause: int, after: int) -> bool:
        return bool(run(voice(after) + quiet(pause), rules=RECORDED, finalize=False))

    assert [ends_with(pause, 12 * SECOND - 2) for pause in (14, 16)] == [False, True]
    assert [ends_with(pause, 20 * SECOND) for pause in (8, 10)] == [False, True]
    assert [ends_with(pause, 27 * SECOND) for pause in (2, 4)] == [False, True]
    assert not ends_with(90, 11 * SECOND - 60)


def test_of_a_short_pause_both_sides_have_a_share() -> None:
    first, second = run(voice(20 * SECOND) + quiet(10) + voice(100), rules=RECORDED)
    assert 20 * SECOND < first.end < 20 * SECOND + 10
    assert second.start == first.end


def test_where_nobody_pauses_it_is_cut_at_the_weakest_place() -> None:
    first, second = run(voice(700) + bytes((120, 95, 120)) + voice(300), rules=RECORDED)
    assert (first.end, second.start) == (702, 702)


talks = st.lists(
    st.tuples(st.sampled_from([0, 60, 100, 200, 255]), st.sampled_from([2, 5, 9, 16, 20, 60, 100, 400])), max_size=25
).map(lambda runs: b"".join(bytes((p,)) * n for p, n in runs))


@settings(deadline=None)
@given(talks, st.sampled_from([1, 7, 300]))
def test_pieces_are_as_long_as_they_should_be(speech: bytes, chunk: int) -> None:
    pieces = run(speech, rules=RECORDED, chunk=chunk)
    assert pieces == run(speech, rules=RECORDED, chunk=50)
    at = 0
    for number, piece in enumerate(pieces):
        assert at <= piece.start <= piece.voiced_from < piece.voiced_to <= piece.end <= len(speech)
        assert piece.end - piece.start <= RECORDED.longest <= 28 * SECOND + 7
        assert piece.voiced_from - piece.start <= RECORDED.pre_roll or piece.start == at, "but after a cut"
        assert piece.end - piece.voiced_to <= RECORDED.ripe_silence
        following = speech[piece.voiced_to : piece.voiced_to + RECORDED.end_silence]
        if piece.end - piece.start < RECORDED.ripe - RECORDED.ripe_silence and number + 1 < len(pieces):
            assert max(following) < RECORDED.silence, "a short one is followed by a long silence"
        at = piece.end
