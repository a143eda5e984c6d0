from __future__ import annotations

from ingress.access.tally import Tally
from wire.usage import audio_in, bytes_in, requests_in

MIDNIGHT = 20_000 * 86_400.0


def test_requests_count_in_their_minute_only() -> None:
    tally = Tally()
    for second in (0, 1, 59):
        tally.request(MIDNIGHT + second)
    assert requests_in([tally.record()], MIDNIGHT + 59.9) == 3
    assert requests_in([tally.record()], MIDNIGHT + 60) == 0
    tally.request(MIDNIGHT + 60)
    assert requests_in([tally.record()], MIDNIGHT + 60) == 1


def test_audio_and_bytes_count_until_midnight() -> None:
    tally = Tally()
    tally.audio(1.5, MIDNIGHT - 10)
    tally.bytes(7, MIDNIGHT - 10)
    assert (audio_in([tally.record()], MIDNIGHT - 1), bytes_in([tally.record()], MIDNIGHT - 1)) == (1.5, 7)
    assert (audio_in([tally.record()], MIDNIGHT), bytes_in([tally.record()], MIDNIGHT)) == (0, 0)
    tally.audio(2, MIDNIGHT)
    assert tally.record().audio_s == 2
    assert tally.record().bytes == 0


def test_all_ingresses_count_together_and_sessions_outlast_the_day() -> None:
    one, other = Tally(), Tally()
    for tally in (one, other):
        tally.session(+1)
        tally.request(MIDNIGHT)
    other.request(MIDNIGHT)
    assert requests_in([one.record(), other.record()], MIDNIGHT) == 3
    one.audio(1, MIDNIGHT + 86_400)
    assert one.record().sessions == 1
    one.session(-1)
    assert one.record().sessions == 0
    assert one.changed
