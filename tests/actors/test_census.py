from __future__ import annotations

import math

import pytest

from actors.census import ENOUGH_WAITS, LEFT_S, MOST_WAITS, PRIOR_EACH_S, SETTLED_S, WAIT_WINDOW_S, Census, Pulse
from actors.commands import Command, RunJob, SaveSnapshot
from actors.session import Session
from wire.env import SchedulerSettings
from wire.jobs import Job
from wire.messages import ClientLeft, ClientMail, ClientReturned, LanguagesChanged, SessionOpened, SessionTerminated
from wire.options import Options
from wire.records import BindingRecord, PoolUse

SECOND = bytes(32_000)


class Life:
    """A session, and what its census is told of it."""

    def __init__(self, census: Census, name: str = "s1", pool: str = "default", options: Options | None = None) -> None:
        self.session = Session(name, SchedulerSettings())
        self._census = census
        self._sequence = 0
        self.options = options or Options()
        self.fold(SessionOpened(session=name, ingress="i", source="fr", targets=["en"], speech=False, pool=pool,
                                options=self.options))  # fmt: skip

    def fold(self, mail: ClientMail | SessionTerminated) -> None:
        self._sequence += 1
        self._census.commanded(self.session, self.session.handle(mail, self._sequence, 1000.0))

    def wants(self, *targets: str) -> None:
        self.fold(LanguagesChanged(source="fr", targets=list(targets), speech=True, options=self.options))


def uses(census: Census) -> dict[tuple[str, str], int]:
    return {key: count for key, count in census.uses.items() if count}


def test_sessions_are_counted_as_they_come_change_and_go() -> None:
    census = Census()
    one, other = Life(census), Life(census, "s2", "fast")
    assert uses(census) == {
        ("default", "sessions"): 1, ("default", "targets"): 1, ("fast", "sessions"): 1, ("fast", "targets"): 1
    }  # fmt: skip
    one.wants("en", "de")
    assert uses(census)["default", "targets"] == uses(census)["default", "spoken"] == 2
    one.fold(SessionTerminated())
    other.fold(SessionTerminated())
    assert uses(census) == {}


def test_who_left_needs_no_room_after_a_while_until_they_are_back() -> None:
    census = Census()
    there = {("default", "sessions"): 1, ("default", "targets"): 1}
    one = Life(census)
    one.fold(ClientLeft(connection=""))
    census.settle(10.0)
    census.settle(10.0 + LEFT_S - 0.1)
    assert uses(census) == there, "they may be on their way to another ingress"
    census.settle(10.0 + LEFT_S)
    census.settle(10.0 + LEFT_S + SETTLED_S)
    assert (uses(census), +census.settled) == ({}, {})
    one.fold(ClientReturned(ingress="other", connection="c2"))
    assert uses(census) == there
    one.fold(ClientLeft(connection="c2"))
    one.fold(ClientReturned(ingress="i", connection="c3"))
    census.settle(100.0)
    census.settle(200.0)
    assert uses(census) == there, "whoever came back at once was never away"
    one.fold(ClientLeft(connection="c3"))
    census.settle(201.0)
    census.settle(210.0)
    one.fold(SessionTerminated())
    assert uses(census) == {}


def test_a_session_whose_client_has_left_is_taken_over() -> None:
    one = Life(Census())
    one.fold(ClientLeft(connection=""))
    census = Census()
    census.take_over(one.session)
    census.settle(1.0)
    census.settle(1.0 + LEFT_S)
    assert (uses(census), +census.settled) == ({}, {})


def test_recordings_are_no_sessions() -> None:
    census = Census()
    recording = Life(census, options=Options(recorded=True))
    assert uses(census) == {}
    recording.fold(ClientLeft(connection=""))
    census.settle(1.0)
    census.settle(1.0 + LEFT_S)
    assert uses(census) == {}


def test_a_session_that_was_restored_counts_before_anything_comes_of_it() -> None:
    census = Census()
    session = Life(Census()).session
    census.take_over(session)
    census.take_over(session)
    assert uses(census)["default", "sessions"] == 1
    census.clear()
    assert uses(census) == {}


def run(seconds: float, attempt: int = 1, recorded: bool = False, start: float = 100.0) -> RunJob:
    job = Job(
        job="s1.1", session="s1", utterance=1, attempt=attempt, pool="default", source="fr",
        pcm=SECOND * round(seconds), start=start, recorded=recorded,
    )  # fmt: skip
    binding = BindingRecord(
        job="s1.1", session="s1", utterance=1, attempt=1, pool="default", start=0.0, end=1.0, state="sent"
    )
    return RunJob(job, binding, [])


def spoken(census: Census, session: Session, *commands: Command) -> None:
    census.commanded(session, commands)


def test_the_speech_share_is_of_the_time_that_settled_sessions_lived() -> None:
    census, pulse = Census(), Pulse()
    lives = [Life(census, f"s{n}") for n in range(4)]
    assert pulse.beat(0.0, [census]) == {"default": PoolUse(sessions=4, targets=4)}
    assert pulse.beat(SETTLED_S - 1, [census])["default"].speech_share == 0.0
    spoken(census, lives[0].session, run(12), run(12, attempt=2), run(12, recorded=True), SaveSnapshot())
    spoken(census, lives[0].session)
    assert pulse.beat(SETTLED_S + 10, [census])["default"].speech_share == pytest.approx(
        (0.6 * 4 * PRIOR_EACH_S + 12) / (4 * PRIOR_EACH_S + 4 * 11), rel=0.05
    )


def test_a_crowd_that_has_just_come_is_not_silent() -> None:
    census, pulse = Census(), Pulse()
    lives = [Life(census, f"s{n}") for n in range(200)]
    shares = []
    for second in range(60):
        for n, life in enumerate(lives):
            if second >= 5 and (second + n) % 10 == 0:  # six seconds of ten, and known when they end
                spoken(census, life.session, run(6, start=second - 6.0))
        shares.append(pulse.beat(float(second), [census])["default"].speech_share)
    assert shares[: int(SETTLED_S)] == [0.0] * int(SETTLED_S)
    assert all(0.5 < share < 0.8 for share in shares[int(SETTLED_S) + 1 :]), shares
    assert shares[-1] == pytest.approx(0.6, rel=0.1)


def test_what_was_said_long_ago_counts_less() -> None:
    census, pulse = Census(), Pulse()
    life, shares = Life(census), []
    for second in range(2400):
        if second < 1200:
            spoken(census, life.session, run(1))
        shares.append(pulse.beat(float(second), [census])["default"].speech_share)
    assert shares[1199] == pytest.approx((180 + 36) / 240, rel=0.02)
    assert shares[1200 + 180] == pytest.approx((180 * math.exp(-1) + 36) / 240, rel=0.05)
    assert shares[-1] == pytest.approx(36 / 240, rel=0.05)


def test_who_was_taken_over_is_not_new_and_who_has_gone_lives_no_more() -> None:
    census, pulse = Census(), Pulse()
    life = Life(Census())
    census.take_over(life.session)
    pulse.beat(0.0, [census])
    pulse.beat(1.0, [census])
    assert pulse.beat(61.0, [census])["default"].speech_share < 0.5
    assert census.settled["default"] == 1
    life.session.handle(SessionTerminated(), 99, 1000.0)
    census.count(life.session)
    assert census.settled["default"] == 0
    Life(census, "s2").fold(SessionTerminated())
    pulse.beat(62.0, [census])
    pulse.beat(62.0 + SETTLED_S, [census])
    assert census.settled["default"] == 0, "one that went before it was settled"


def test_time_that_nobody_looked_does_not_count() -> None:
    census, pulse = Census(), Pulse()
    Life(census)
    for now in (0.0, SETTLED_S, 100_000.0):
        pulse.beat(now, [census])
    assert pulse.beat(100_000.0, [census])["default"].speech_share > 0.3


def waits(seconds: list[float]) -> float:
    census, pulse = Census(), Pulse()
    Life(census)
    for each in seconds:
        census.waited("default", each)
    return pulse.beat(0.0, [census])["default"].wait_s


def test_the_wait_is_that_of_nine_in_ten_and_a_few_are_nothing() -> None:
    assert waits([9.0] * (ENOUGH_WAITS - 1)) == 0.0
    assert waits([9.0] * ENOUGH_WAITS) == 9.0
    assert waits([0.01] * 9 + [9.0]) == 0.01
    assert waits([0.01] * 8 + [9.0] * 2) == 9.0


def test_waits_are_forgotten_and_never_too_many() -> None:
    census, pulse = Census(), Pulse()
    Life(census)
    for _ in range(MOST_WAITS + 5):
        census.waited("default", 2.0)
    assert len(census.take()[1]) == MOST_WAITS
    for _ in range(ENOUGH_WAITS):
        census.waited("default", 2.0)
    assert pulse.beat(0.0, [census])["default"].wait_s == 2.0
    assert pulse.beat(WAIT_WINDOW_S, [census])["default"].wait_s == 2.0
    assert pulse.beat(WAIT_WINDOW_S + 1, [census])["default"].wait_s == 0.0


def test_all_partitions_are_one() -> None:
    censuses, pulse = [Census(), Census()], Pulse()
    lives = [Life(census, f"s{n}") for n, census in enumerate(censuses)]
    lives[1].wants("en", "de")
    assert pulse.beat(0.0, censuses) == {"default": PoolUse(sessions=2, targets=3, spoken=2)}
