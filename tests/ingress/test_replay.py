from __future__ import annotations

import pytest

from ingress import replay
from ingress.replay import TEXT_S, Replay
from ingress.telling import EVERYBODY, Audience
from wire.rooms import Member

BOB = Member(member="b", name="Bob", language="en")
TEXT, VOICE = Audience("en"), Audience("en", speech=True)


def test_who_comes_reads_everything_and_hears_nothing() -> None:
    kept = Replay()
    kept.add(1, 10, EVERYBODY, "a")
    kept.add(2, 10, Audience("de"), "b")
    kept.add(3, 10, TEXT, "c")
    kept.add(4, 10, VOICE, "d")
    kept.add(4, 10, VOICE, b"e")
    assert list(kept.since(None, BOB)) == ["a", "c"]


def test_who_comes_back_gets_the_rest_voice_and_all() -> None:
    kept = Replay()
    for n, audience, frame in ((1, TEXT, "a"), (2, VOICE, "b"), (2, VOICE, b"c"), (3, TEXT, "d")):
        kept.add(n, 10, audience, frame)
    assert list(kept.since(1, BOB)) == ["b", b"c", "d"]
    assert list(kept.since(2, BOB)) == ["d"]


def test_what_is_old_is_forgotten() -> None:
    kept = Replay()
    kept.add(1, 10, TEXT, "a")
    kept.add(2, 10 + TEXT_S, VOICE, "b")
    kept.add(3, 11 + TEXT_S, TEXT, "c")
    assert list(kept.since(0, BOB)) == ["b", "c"]
    assert kept.prune(11 + TEXT_S)
    assert not kept.prune(12 + 2 * TEXT_S)
    assert list(kept.since(0, BOB)) == []


def test_voice_is_kept_for_a_moment_and_text_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MAX_SPEECH_BYTES", 100)
    monkeypatch.setattr(replay, "MAX_TEXTS", 8)
    kept = Replay()
    kept.add(1, 10, TEXT, "a")
    for n in range(2, 7):
        kept.add(n, 10, VOICE, bytes([n]) * 30)
    assert list(kept.since(0, BOB)) == ["a", *(bytes([n]) * 30 for n in (5, 6))]
    for n in range(7, 20):
        kept.add(n, 10, TEXT, str(n))
    assert list(kept.since(0, BOB)) == [str(n) for n in range(12, 20)]
