"""Only what is right and in time is a success."""

from __future__ import annotations

import pytest

from bench.load import judging
from bench.load.plan import Script, Told, Visit
from tests.bench.load.made import SCRIPT, final, good, told


def judged(client: Told, targets: tuple[str, ...] = (), script: Script = SCRIPT) -> judging.Verdict:
    return judging.judge(client, script, targets, lag=2.0)


def test_all_of_it_in_time_is_a_success() -> None:
    verdict = judged(good())
    assert (verdict.kind, verdict.reasons, verdict.finals) == ("success", [], 2)
    assert [round(lag, 3) for _, lag in verdict.lags] == [1.0, 0.5]


@pytest.mark.parametrize(
    ("client", "reason", "count"),
    [
        (told(final(1), final(2, text="No.")), "wrong", 1),
        (told(final(1), final(2, lag=2.1)), "late", 1),
        (told(final(1)), "lost", 1),
        (told(), "lost", 2),
        (told(final(1), final(2), final(2)), "repeated", 1),
        (told(final(2), final(1)), "wrong", 1),
        (told(final(1), final(2), final(3)), "wrong", 1),
    ],
)
def test_one_that_is_wrong_late_lost_repeated_or_out_of_order_is_none(client: Told, reason: str, count: int) -> None:
    verdict = judged(client)
    assert verdict.kind == "failed"
    assert reason in verdict.reasons
    assert getattr(verdict, reason) == count


def test_who_was_not_told_the_end_failed_with_the_reason() -> None:
    cut = told(final(1), final(2), closed=False, ended="closed with 1006")
    assert judged(cut).reasons == ["closed with 1006"]
    assert judged(told(final(1), final(2), closed=False)).reasons == ["never closed"]


def test_errors_and_broken_rules_are_failures() -> None:
    client = good()
    client.errors, client.faults = ["timed_out"], ["event 3 came after event 3"]
    assert judged(client).reasons == ["broke the protocol", "error: timed_out"]


def test_translations_count_too() -> None:
    first, second = final(1), final(2)
    one = final(1, target="fr", text=f"[fr] {first.text}")
    two = final(2, target="fr", text=f"[fr] {second.text}")
    assert judged(told(first, one, second, two), ("fr",)).kind == "success"
    assert judged(told(first, one, second), ("fr",)).lost == 1
    assert judged(told(first, one, second, two, two), ("fr",)).repeated == 1
    assert judged(told(first, one, second, final(2, target="fr", text="[fr] Non.")), ("fr",)).wrong == 1
    assert judged(told(first, one, second, final(2, 3.0, target="fr", text=two.text)), ("fr",)).late == 1


def test_real_models_may_mishear_so_many_words() -> None:
    script = Script(seconds=10.0, said="one two three four five six seven eight nine ten", wer=0.1)
    nearly = told(final(1, text="One, two three four five."), final(2, text="six seven eight nine den"))
    assert judged(nearly, script=script).kind == "success"
    worse = told(final(1, text="One two three for five."), final(2, text="six seven eight nine den"))
    assert judged(worse, script=script).reasons == ["wrong"]
    assert judged(told(), script=script).reasons == ["lost"]
    gap = told(final(1, text=script.said), final(3, text="."))
    assert judged(gap, script=script).lost == 1
    gap.empty = [2]
    assert judged(gap, script=script).kind == "success"


@pytest.mark.parametrize(
    ("visit", "ended", "kind", "reasons"),
    [
        (Visit(1.0, answered=2.0, answer="line", position=3), "still in line", "in line", []),
        (Visit(1.0, answered=2.0, answer="refused"), "refused: HTTP 503 no_room", "refused", ["HTTP 503 no_room"]),
        (Visit(1.0), "never answered", "failed", ["never answered"]),
        (Visit(1.0, answered=2.0, answer="line"), "closed with 1006", "failed", ["closed with 1006"]),
    ],
)
def test_who_was_never_let_in(visit: Visit, ended: str, kind: str, reasons: list[str]) -> None:
    verdict = judged(Told(0, 0, visits=[visit], ended=ended))
    assert (verdict.kind, verdict.reasons) == (kind, reasons)


def test_who_holds_must_be_answered_at_each_visit_and_be_kept() -> None:
    in_ = Visit(1.0, answered=2.0, answer="started", let_in=2.0)
    waits = Visit(1.0, answered=2.0, answer="line")
    assert judging.judge_holder(Told(0, 0, visits=[in_], ended="left"), 0).kind == "success"
    back = Told(0, 0, visits=[in_, waits], ended="left")
    assert [judging.judge_holder(back, visit).kind for visit in (0, 1)] == ["success", "in line"]
    away = Told(0, 0, visits=[waits, Visit(3.0)], ended="left")
    assert [judging.judge_holder(away, visit).kind for visit in (0, 1)] == ["in line", "failed"]
    assert judging.judge_holder(away, 1).reasons == ["never answered"]
    refused = Told(0, 0, visits=[in_, Visit(3.0, answered=4.0, answer="refused")], ended="refused: full")
    assert [judging.judge_holder(refused, visit).kind for visit in (0, 1)] == ["success", "refused"]
    assert judging.judge_holder(Told(0, 0, visits=[in_], ended="closed with 1006"), 0).kind == "failed"
