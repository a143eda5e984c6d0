"""What a session may ask for beyond its languages, as the scheduler and the nodes are told it. PURE.

Clients send the same fields in `session.start` and `session.update` (wire.protocol); docs/protocol.md has their limits.
"""

from __future__ import annotations

import msgspec


class Glossary(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How to say it right. `words` are names and terms that the recogniser should expect. `terms` gives a term,
    as it is said, its fixed rendering in each target language: {"Dragoman": {"en": "Dragoman", "fr": "Drogman"}}."""

    words: list[str] = []
    terms: dict[str, dict[str, str]] = {}


class Endpointing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where utterances begin and end, where a client has its own opinion; None: as the scheduler is set. `threshold` is
    the probability that is speech (0..1), `silence_s` ends an utterance, `pre_roll_s` is kept before it. `manual`:
    nothing but FinalizeRequested ends one, and all audio since the last is its own, whether anybody spoke or not."""

    threshold: float | None = None
    silence_s: float | None = None
    pre_roll_s: float | None = None
    manual: bool = False


class Options(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`captions`: words are wanted while they are spoken. `live`: targets whose translation is too. `between`: two
    languages, each of which goes into the other. `spoken`: the targets that somebody listens to (None: all of them,
    where the session wants speech). `words`: times of the final words are wanted. `boundaries`: where utterances begin
    and end is told when it is known. `recorded`: the audio is a recording, cut into pieces as long as the model takes,
    which run after live speech. `pace`: speech so many times as fast as usual, 0.25 to 4; 0: as the speaker speaks.
    """

    captions: bool = False
    live: list[str] = []
    between: list[str] = []
    spoken: list[str] | None = None
    words: bool = False
    glossary: Glossary = Glossary()
    endpointing: Endpointing = Endpointing()
    boundaries: bool = False
    recorded: bool = False
    pace: float = 0.0


class Word(msgspec.Struct, frozen=True, omit_defaults=True):
    """One word, and when it is said: `start` and `end` in seconds of the session's audio."""

    text: str
    start: float
    end: float


class Correction(msgspec.Struct, frozen=True):
    """Where a final differs from what was committed before: its words from number `at` (from 0) were `was`, are `now`.
    Where words were left out, `now` is empty; where some were put in, `was` is."""

    at: int
    was: str
    now: str
