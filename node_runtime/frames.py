"""What a node's two processes say to each other, over pipes (wire.pipes): MessagePack.

parent -> child   Begin once, then Run for each attempt (of live ones never more at once than there are slots, nor of
                  recorded ones), and Glimpse for each partial job
child -> parent   Loaded or Unusable once; Beat each second; Step for each result; Ended after a run's last; Glimpsed
                  for each Glimpse
"""

from __future__ import annotations

import msgspec

from wire import pipes
from wire.env import NodeSettings
from wire.jobs import Job, PartialJob, SpeechChunk
from wire.messages import (
    FoundEmpty,
    Hypothesis,
    JobDone,
    JobProgressed,
    SpeechEnded,
    SpeechStarted,
    SpeechUnavailable,
    StageFailed,
    Transcribed,
    Translated,
)

Step = (
    JobProgressed
    | Transcribed
    | FoundEmpty
    | Translated
    | SpeechStarted
    | SpeechEnded
    | SpeechUnavailable
    | StageFailed
    | JobDone
    | SpeechChunk
)
"""What comes of an attempt; see node_runtime.pipeline for the order."""

MAX_FRAME = 64 * 1024 * 1024
"""A longer one means that the pipe carries something else."""


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="frame", tag=str.lower):
    """Base of all."""


class Begin(Frame, frozen=True, kw_only=True):
    """Load the engines that these settings ask for. `node` is the name that results carry."""

    settings: NodeSettings
    node: str


class Run(Frame, frozen=True, kw_only=True):
    run: int
    job: Job


class Glimpse(Frame, frozen=True, kw_only=True):
    """What was said so far? `run` numbers these and those of Run alike."""

    run: int
    job: PartialJob


class Loaded(Frame, frozen=True, kw_only=True):
    """The engines are there (and cold). Most fields are those of `wire.records.NodeRecord`; `ear` and `translation` say
    which models these are (node_runtime.engines.identity), "" where nobody knows."""

    device: str
    models: list[str]
    sources: list[str]
    targets: dict[str, list[str]]
    voices: dict[str, str]
    tags: list[str] = []
    ear: str = ""
    translation: str = ""


class Unusable(Frame, frozen=True, kw_only=True):
    """The engines cannot be loaded, and trying again will not help. `code` as in wire.errors."""

    code: str
    message: str


class Beat(Frame, frozen=True, kw_only=True):
    """Still alive."""


class Stepped(Frame, frozen=True, kw_only=True):
    """A result of a run; `target` is the language of a SpeechChunk."""

    run: int
    step: Step
    target: str


class Ended(Frame, frozen=True, kw_only=True):
    """Nothing more comes of this run. `error`: the run itself broke, not one of its engines. `made_way`: a piece of a
    recording was stopped, for live speech needs its place. `rtf`: what a warm-up measured, by stage; the voice that it
    tried stands after its stage, as in NodeRecord."""

    run: int
    error: str = ""
    made_way: bool = False
    rtf: dict[str, float] = {}


class Glimpsed(Frame, frozen=True, kw_only=True):
    """The answer to a Glimpse. Without a hypothesis it came too late to be of use, or `error` says what broke."""

    run: int
    hypothesis: Hypothesis | None = None
    error: str = ""


ToChild = Begin | Run | Glimpse
ToParent = Loaded | Unusable | Beat | Stepped | Ended | Glimpsed

_encoder = msgspec.msgpack.Encoder()
to_child = msgspec.msgpack.Decoder(ToChild)
to_parent = msgspec.msgpack.Decoder(ToParent)


def pack(frame: Frame) -> bytes:
    """The frame with its length before it."""
    return pipes.pack(_encoder.encode(frame))
