"""Work for nodes, and the speech that comes of it: the messages that carry audio, besides AudioChunk."""

from __future__ import annotations

from typing import ClassVar

from wire.messages import Message, snake
from wire.options import Glossary


class Job(Message, frozen=True, kw_only=True, tag=snake):
    """One utterance to transcribe, translate and speak: self-contained.

    `pcm` is PCM16 little endian mono at 16 kHz. `targets` are the languages to translate into, `speak` those of them
    that are to be spoken. `prompt` is confident text said just before, or empty. What an earlier attempt already
    stored is given in `transcript` and `translations` and is not computed again. `warm_up` jobs come from the node
    itself: they run through the queue and every engine, and store no result.

    `expected` is the language of what was said before: with the source "auto" another is believed only where the model
    is sure. `between` are the only two languages that are spoken: `targets` are these two, and what was said is put
    into the one that it was not said in. `voiced` is how many seconds of the audio are voice. `words` asks for word
    times. `recorded`: live speech goes first. `pace` is how fast to speak, 0.25 to 4 times as fast as usual; 0: as the
    speaker did. With a `transcript`, no `pcm` and `voiced` 0 it was written: it is spoken in its own language, too,
    where that is in `speak`.
    """

    BINARY: ClassVar[bool] = True
    job: str
    session: str
    utterance: int
    attempt: int
    pool: str
    source: str
    pcm: bytes
    start: float
    targets: list[str] = []
    speak: list[str] = []
    prompt: str = ""
    transcript: str = ""
    transcript_language: str = ""
    translations: dict[str, str] = {}
    tenant: str = "default"
    warm_up: bool = False
    expected: str = ""
    between: list[str] = []
    voiced: float = 0.0
    words: bool = False
    glossary: Glossary = Glossary()
    recorded: bool = False
    pace: float = 0.0


class PartialJob(Message, frozen=True, kw_only=True, tag=snake):
    """What was said so far of an utterance that is running, wanted for live captions: answered by `Hypothesis`, or not
    at all. On PARTIALS, where only a session's newest is kept.

    `pcm` is PCM16 little endian mono at 16 kHz and begins `start` seconds into the session's audio; `prompt` is the
    text that was said of this utterance before that. `whole`: the speech seems to have ended, and this is all of it:
    heard as carefully as a final, for it may become one. `timed` asks for word times. `live` are targets to translate
    into. `source`, `expected`, `between`, `voiced` and `glossary` are as in Job.
    """

    BINARY: ClassVar[bool] = True
    session: str
    utterance: int
    generation: int
    pool: str
    source: str
    pcm: bytes
    start: float
    prompt: str = ""
    whole: bool = False
    timed: bool = False
    live: list[str] = []
    expected: str = ""
    between: list[str] = []
    voiced: float = 0.0
    glossary: Glossary = Glossary()
    tenant: str = "default"


class SpeechChunk(Message, frozen=True, kw_only=True, tag=snake):
    """A piece of synthesised speech; `sequence` counts from 0. `pcm` is PCM16 mono at `sample_rate` Hz."""

    BINARY: ClassVar[bool] = True
    job: str
    attempt: int
    sequence: int
    sample_rate: int
    pcm: bytes
