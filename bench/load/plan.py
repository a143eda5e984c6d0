"""What a generator of load is told to do, and what it tells of each client. PURE.

Moments are seconds of the monotonic clock, which is one for all processes of a machine; 0.0 is "never".
"""

from __future__ import annotations

from typing import Literal

import msgspec

CHUNK_S = 0.1

Kind = Literal["speak", "hold", "dribble", "mute"]
"""Clients that speak in real time; that open a session and say nothing; that send a byte a second; that open a session,
speak, and never read."""

Outcome = Literal["", "started", "line", "refused"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`count` clients of one kind, with places from `first` on, at `addresses` in turn.

    They connect between `begin` and `ramp_s` later. `opening` is the first message of each. Who is told nothing for
    `answer_s` gives up, as does who waits in line for longer than `line_s`. Speakers say a script of `scripts`, a
    folder, and then wait `closing_s` at most for what is owed to them; with `again_until`, who has ended begins once
    more until then. Those of the other kinds stay until they are told to end. With `comes_back`, a client whose
    connection broke is back at once.
    """

    kind: Kind
    count: int
    addresses: list[str]
    opening: str
    first: int = 0
    key: str = ""
    begin: float = 0.0
    ramp_s: float = 0.0
    scripts: str = ""
    answer_s: float = 30.0
    line_s: float = 30.0
    closing_s: float = 30.0
    again_until: float = 0.0
    comes_back: bool = False


class Answer(msgspec.Struct, frozen=True):
    """An utterance: its text, and where its voice begins and ends, in seconds of the audio."""

    text: str
    start: float
    end: float


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What a speaker says. `answers` where they are known to the letter; else `said`, and the share of its words
    that may be heard wrong."""

    seconds: float
    answers: list[Answer] = []
    said: str = ""
    wer: float = 0.0


class Final(msgspec.Struct, array_like=True):
    """A transcript (`target` empty) or a translation, told at `at`. `start` and `end` are seconds of the audio."""

    at: float
    utterance: int
    target: str
    text: str
    start: float = 0.0
    end: float = 0.0


class Visit(msgspec.Struct):
    """One time at the door: from the first attempt to connect until something is known.

    `attempts` are those that found nobody, and the one that did, which began at `tried`. `position` is the first place
    in line. `silence` is the longest time without a word while it waited or was in.
    """

    asked: float
    attempts: int = 0
    tried: float = 0.0
    connected: float = 0.0
    answered: float = 0.0
    answer: Outcome = ""
    reason: str = ""
    position: int = 0
    let_in: float = 0.0
    silence: float = 0.0
    left: float = 0.0


class Told(msgspec.Struct):
    """What one client saw. `began`: the first sample of its audio. `ended`: how, where that was not `session.closed`.
    `faults` break the protocol, `errors` are the codes of those that were told about utterances."""

    place: int
    script: int
    visits: list[Visit] = []
    began: float = 0.0
    said: float = 0.0
    first_text: float = 0.0
    finals: list[Final] = []
    empty: list[int] = []
    errors: list[str] = []
    faults: list[str] = []
    closed: bool = False
    ended: str = ""


class Pulse(msgspec.Struct, tag="pulse"):
    """How it goes, a few times a second. `lags` of finals since the last pulse, `late` how far its own loop was behind
    at most."""

    at: float
    outside: int = 0
    line: int = 0
    inside: int = 0
    over: int = 0
    refused: int = 0
    finals: int = 0
    lags: list[float] = []
    late: float = 0.0


class Result(msgspec.Struct, tag="result"):
    """At the end. `late`: of each tick of the generator's clock, by how many seconds it came too late; a sample of
    them."""

    clients: list[Told]
    late: list[float] = []
    cpu_s: float = 0.0
    seconds: float = 0.0


Line = Pulse | Result
