"""The stream's clock goes on by itself between stamps, and is put right by the newest."""

from __future__ import annotations

import time

from actors.clock import StreamClock


def test_until_a_stamp_comes_it_is_the_local_clock() -> None:
    assert abs(StreamClock().now() - time.time()) < 1


def test_it_follows_the_freshest_stamp_and_never_goes_back() -> None:
    clock = StreamClock()
    clock.learn(1_000.0)
    assert 1_000.0 <= clock.now() < 1_001
    clock.learn(990.0)  # this one was long on its way
    assert clock.now() >= 1_000.0
    clock.learn(2_000.0)
    assert 2_000.0 <= clock.now() < 2_001
