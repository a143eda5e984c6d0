from __future__ import annotations

import msgspec
import pytest

from actors.attempts import Work
from actors.captions import Captions
from actors.census import Census
from actors.commands import TellLive
from actors.lag import Lags
from actors.outcomes import Utterance
from actors.session import Session
from wire import metrics
from wire.env import SchedulerSettings
from wire.messages import JobStarted
from wire.options import Options
from wire.protocol import (
    AudioAck,
    SessionClosed,
    SpeechBegan,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
)


class Ear:
    """What the histograms have been told since this was made."""

    def __init__(self) -> None:
        self._before = self._now()

    def _now(self) -> dict[tuple[str, ...], float]:
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in metrics.SCHEDULER.collect()
            for sample in family.samples
            if sample.name.endswith(("_sum", "_count"))
        }

    def heard(self, name: str, *labels: str) -> tuple[int, float]:
        """Cases, and the sum of their seconds."""
        now = self._now()
        keys = ((f"{name}_count", *labels), (f"{name}_sum", *labels))
        count, total = (now[key] - self._before.get(key, 0) for key in keys)
        return int(count), round(total, 3)


def session(*numbers: int, recorded: bool = False, attempt: int = 1) -> Session:
    made = Session("s1", SchedulerSettings())
    made.state.options = Options(recorded=recorded)
    decided(made, *numbers, recorded=recorded, attempt=attempt)
    return made


def decided(made: Session, *numbers: int, recorded: bool = False, attempt: int = 1) -> None:
    work = Work(0, 16000, "en", "default", "", sent_at=100.0, attempt=attempt, recorded=recorded)
    for number in numbers:
        made.state.utterances.append(
            Utterance(number, 0.0, 1.0, [], [], msgspec.structs.replace(work), deadline=200.0, latest=200.0)
        )
        made.state.next_utterance = number + 1


def final(number: int) -> TranscriptFinal:
    return TranscriptFinal(n=1, utterance=number, text="x", language="en", start=0.0, end=1.0)


def started(number: int, attempt: int = 1) -> JobStarted:
    return JobStarted(job=f"s1.{number}", utterance=number, attempt=attempt, node="n1")


def test_finals_are_late_by_the_time_since_they_were_decided() -> None:
    lags, ear, one = Lags(Census()), Ear(), session()
    lags.commanded(one, [], 99.0)
    decided(one, 1, 2)
    lags.commanded(one, [], 100.0)
    lags.told("s1", final(1), 100.5)
    lags.told("s1", TranslationFinal(n=2, utterance=1, target="de", text="x"), 100.75)
    lags.told("s1", SpeechBegan(n=3, utterance=1, target="de", sample_rate=16000), 101.0)
    lags.told("s1", final(2), 102.0)
    lags.told("s1", final(3), 103.0)  # decided before this scheduler was here
    name = "dragoman_final_lag_seconds"
    assert ear.heard(name, "transcript") == (2, 2.5)
    assert ear.heard(name, "translation") == (1, 0.75)
    assert ear.heard(name, "speech") == (1, 1.0)


def test_a_session_that_is_closed_is_forgotten() -> None:
    lags, ear, one = Lags(Census()), Ear(), session()
    lags.commanded(one, [], 99.0)
    decided(one, 1)
    lags.commanded(one, [], 100.0)
    lags.told("s1", SessionClosed(n=1, reason="client", utterances=1), 100.2)
    lags.told("s1", final(1), 100.5)
    assert ear.heard("dragoman_final_lag_seconds", "transcript") == (0, 0.0)
    assert not lags._courses


def test_what_is_long_done_is_forgotten_and_what_is_under_way_is_not() -> None:
    lags, one = Lags(Census()), session()
    lags.commanded(one, [], 0.0)
    for number in range(1, 101):
        decided(one, number)
        if number != 10:
            one.state.utterances.pop()
        lags.commanded(one, [], float(number))
        if number == 50:
            one.state.utterances.clear()
    assert len(lags._courses["s1"].decided) < 10


@pytest.mark.parametrize("recorded", [False, True])
def test_jobs_wait_until_a_node_says_once_that_it_begins(recorded: bool) -> None:
    lags, ear = Lags(Census()), Ear()
    one = session(1, recorded=recorded, attempt=2)
    lags.began(one, started(1, attempt=1), 103.0)  # an attempt that nobody waits for any more
    lags.began(one, started(7, attempt=2), 103.0)
    lags.began(one, started(1, attempt=2), 104.0)
    one.state.utterances[0].work.started = True
    lags.began(one, started(1, attempt=2), 105.0)
    assert ear.heard("dragoman_job_wait_seconds", "recorded" if recorded else "live") == (1, 4.0)


def test_recordings_are_not_late() -> None:
    lags, ear, one = Lags(Census()), Ear(), session(recorded=True)
    lags.commanded(one, [], 99.0)
    decided(one, 1, recorded=True)
    lags.commanded(one, [], 100.0)
    lags.told("s1", final(1), 900.0)
    assert ear.heard("dragoman_final_lag_seconds", "transcript") == (0, 0.0)


def test_the_first_caption_of_each_utterance_counts_and_no_later_one() -> None:
    lags, ear, one = Lags(Census()), Ear(), session()
    one.state.captions = Captions(utterance=1, start=8000)
    one.buffer.settle(24000, 0)
    for number in (1, 1, 2):
        partial = TranscriptPartial(utterance=number, committed="", tentative="x")
        lags.commanded(one, [TellLive(AudioAck(chunk=1)), TellLive(partial)], 99.0)
    one.state.captions = None  # the utterance ended meanwhile
    lags.commanded(one, [TellLive(TranscriptPartial(utterance=3, committed="", tentative="x"))], 99.0)
    assert ear.heard("dragoman_first_partial_seconds") == (2, 2.0)


def test_dispatches_are_told_and_kept() -> None:
    lags, ear = Lags(Census()), Ear()
    lags.dispatched(0.002)
    assert list(lags.dispatch_seconds) == [0.002]
    assert ear.heard("dragoman_dispatch_seconds") == (1, 0.002)
