from __future__ import annotations

import pytest

from actors import capacity
from actors.capacity import DRIFT, LEAST_SHARE, PRIOR, SPEECH_SHARE
from tests.actors.pools import node
from wire.matching import Rules
from wire.records import Held, PoolUse, Prices


def test_only_nodes_that_may_take_jobs_count() -> None:
    nodes = [
        node("n1", slots=4),
        node("n2", ready=False),
        node("n3", draining=True),
        node("n4", dedicated=False, foreign_load=80.0),
    ]
    assert [each.node for each in capacity.able(nodes, Rules())] == ["n1"]
    assert capacity.able(nodes, Rules(cpu_allowed=False)) == []


def test_a_factor_is_the_mean_over_nodes_by_their_slots() -> None:
    nodes = [node("n1", slots=1, rtf={"asr/base": 0.4}), node("n2", slots=3, rtf={"asr/base": 0.2})]
    assert capacity.factor("asr", nodes) == pytest.approx((0.4 + 3 * 0.2) / 4)


def test_who_has_not_measured_is_like_the_others_and_nobody_is_the_prior() -> None:
    nodes = [node("n1", slots=8), node("n2", rtf={"asr/base": 0.2})]
    assert capacity.factor("asr", nodes) == 0.2
    assert capacity.factor("speech", nodes) == PRIOR["speech"]


def test_of_several_models_a_stage_is_their_mean() -> None:
    assert capacity.factor("speech", [node("n1", rtf={"speech/joe": 0.1, "speech/jane": 0.3})]) == pytest.approx(0.2)


def test_the_speech_share_is_by_sessions_and_assumed_until_it_is_seen() -> None:
    assert capacity.share([]) == capacity.share([PoolUse(sessions=5)]) == SPEECH_SHARE
    assert capacity.share([PoolUse(sessions=30, speech_share=0.2), PoolUse(sessions=10, speech_share=0.6)]) == (
        pytest.approx(0.3)
    )
    assert capacity.share([PoolUse(sessions=1, speech_share=0.4), PoolUse(sessions=9)]) == pytest.approx(0.4)
    assert capacity.share([PoolUse(sessions=10, speech_share=0.001)]) == LEAST_SHARE


MEASURED = {"asr/base": 0.2, "translate/m2m": 0.05, "speech/joe": 0.1}


def test_prices_are_factors_times_the_speech_share() -> None:
    found = capacity.prices([node("n1", rtf=MEASURED)], [PoolUse(sessions=9, speech_share=0.5)], None)
    assert (found.session, found.target, found.spoken) == pytest.approx((0.1, 0.025, 0.05))


def test_prices_stay_while_they_only_waver_and_while_there_is_nobody_to_measure() -> None:
    before = capacity.prices([node("n1", rtf=MEASURED)], [], None)
    for stage in MEASURED:
        little = [node("n1", rtf=MEASURED | {stage: MEASURED[stage] * (1 + 0.9 * DRIFT)})]
        much = [node("n1", rtf=MEASURED | {stage: MEASURED[stage] * (1 - 1.1 * DRIFT)})]
        assert capacity.prices(little, [], before) is before
        assert capacity.prices(much, [], before) != before
    assert capacity.prices([], [PoolUse(sessions=9, speech_share=0.1)], before) is before
    assert capacity.prices([], [], None).session > 0


def test_the_usual_session_is_like_those_that_are_held() -> None:
    at = Prices(session=0.5, target=0.25, spoken=0.125)
    assert capacity.usual(Held(), at) == 0.75
    assert capacity.usual(Held(sessions=4, targets=8, spoken=4), at) == 0.5 + 2 * 0.25 + 0.125


def test_a_pool_has_its_share_of_all_slots_and_room_for_one_session_a_slot_however_slow() -> None:
    nodes = [node("n1", slots=3), node("n2", slots=2)]
    assert capacity.capacity(nodes, 0.8, 0.1) == pytest.approx(4.0)
    assert capacity.capacity(nodes, 0.8, 2.0) == pytest.approx(10.0)
    assert capacity.capacity([], 0.8, 2.0) == 0.0
