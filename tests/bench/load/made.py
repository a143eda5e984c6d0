"""Clients as generators tell of them, for tests of what is made of that."""

from __future__ import annotations

from bench.load.plan import Answer, Final, Script, Told, Visit

SCRIPT = Script(seconds=10.0, answers=[Answer("I heard 2.0 seconds of sound.", 1.0, 3.0), Answer("Yes.", 5.0, 7.0)])


def final(utterance: int, lag: float = 1.0, *, text: str = "", target: str = "", began: float = 100.0) -> Final:
    """Of SCRIPT's utterance, told `lag` seconds after its voice ended."""
    answer = SCRIPT.answers[min(utterance, 2) - 1]
    return Final(began + answer.end + lag, utterance, target, text or answer.text, answer.start, answer.end)


def told(*finals: Final, place: int = 0, closed: bool = True, ended: str = "", **visit: object) -> Told:
    """Of one who was let in at once."""
    found = Visit(asked=99.0, tried=99.0, attempts=1, connected=99.1, answered=99.2, answer="started", let_in=99.2)
    for name, value in visit.items():
        setattr(found, name, value)
    return Told(place=place, script=0, visits=[found], began=100.0, finals=list(finals), closed=closed, ended=ended)


def good(place: int = 0) -> Told:
    return told(final(1), final(2, 0.5), place=place)
