"""PURE. What one client is told, in the order of docs/protocol.md, out of messages that come in any order.

A session's events and its speech are stored by different processes and heard through a plain subscription: a message
may come twice, late, or not at all (it is then read again from the stream). `Delivery` folds them:

    event or speech chunk -> what goes to the client now           `event`, `speech`
    what must be read again, because something after it came       `missing`
    go on without it, because it is gone for good                  `skip`

- Numbered events go out as n = 1, 2, 3, …; a repeat is dropped, one that is ahead is held.
- A speech chunk goes out in sequence, after its `speech.started`; until then it is held.
- `speech.ended`, and every event after it, waits until all chunks that it counts have gone out.
- For a client that came back, it begins after the event that the client has, and in speech that had begun after the
  chunks that the client has.
- What is held is bounded. Beyond the bound a message is dropped: `missing` will name it when its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wire.jobs import SpeechChunk
from wire.protocol import ClientEvent, ErrorTold, SpeechBegan, SpeechFinished, SpeechHeard, SpeechMissing

MAX_HELD_EVENTS = 1000
MAX_HELD_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SpeechFrame:
    utterance: int
    target: str
    chunk: SpeechChunk


Outgoing = ClientEvent | SpeechFrame


@dataclass(frozen=True, slots=True)
class Missing:
    """`events`: whether there are numbered events to be had. `speech`: each (utterance, target) that has a gap."""

    events: bool
    speech: tuple[tuple[int, str], ...]

    def __bool__(self) -> bool:
        return self.events or bool(self.speech)


@dataclass(slots=True)
class _Speech:
    """One utterance's speech in one target. `next` is the sequence that goes out next."""

    began: bool = False
    next: int = 0
    held: dict[int, SpeechChunk] = field(default_factory=dict)


class Delivery:
    """`delivered` is the number of the last event that went out: at first `after`, with the speech in `heard`."""

    __slots__ = ("_ended", "_events", "_held_bytes", "_max_events", "_speech", "delivered", "max_held_bytes")

    def __init__(
        self,
        after: int = 0,
        heard: Iterable[SpeechHeard] = (),
        *,
        max_held_events: int = MAX_HELD_EVENTS,
        max_held_bytes: int = MAX_HELD_BYTES,
    ) -> None:
        self.delivered = after
        self._max_events = max_held_events
        self.max_held_bytes = max_held_bytes
        self._events: dict[int, ClientEvent] = {}
        self._speech = {(each.utterance, each.target): _Speech(began=True, next=each.chunks) for each in heard}
        self._ended: dict[str, int] = {}  # the last utterance of each target whose speech is over
        self._held_bytes = 0

    def event(self, event: ClientEvent) -> list[Outgoing]:
        if event.n == 0:
            return [event]
        ahead = event.n - self.delivered - 1
        if ahead < 0 or event.n in self._events or (ahead and len(self._events) >= self._max_events):
            return []
        self._events[event.n] = event
        return self._advance()

    def speech(self, utterance: int, target: str, chunk: SpeechChunk) -> list[Outgoing]:
        if utterance <= self._ended.get(target, 0):
            return []
        speech = self._speech.setdefault((utterance, target), _Speech())
        if chunk.sequence < speech.next or chunk.sequence in speech.held:
            return []
        goes_now = speech.began and chunk.sequence == speech.next
        if not goes_now and self._held_bytes + len(chunk.pcm) > self.max_held_bytes:
            return []
        speech.held[chunk.sequence] = chunk
        self._held_bytes += len(chunk.pcm)
        if not goes_now:
            return []
        return [*self._release(utterance, target), *self._advance()]

    def missing(self) -> Missing:
        waits = self._waiting()
        gaps = {key for key, speech in self._speech.items() if speech.began and speech.held}
        if waits is not None:
            gaps.add((waits.utterance, waits.target))
        return Missing(bool(self._events) and self.delivered + 1 not in self._events, tuple(sorted(gaps)))

    @property
    def speaking(self) -> tuple[tuple[int, str], ...]:
        """Each (utterance, target) whose speech has begun and has not ended."""
        return tuple(sorted(key for key, speech in self._speech.items() if speech.began))

    def skip(self) -> list[Outgoing]:
        """Give up what is missing: let out what came after it."""
        out: list[Outgoing] = []
        missing = self.missing()
        for utterance, target in missing.speech:
            speech = self._speech[utterance, target]
            for sequence in sorted(speech.held):
                speech.next = sequence
                out += self._release(utterance, target)
        waits = self._waiting()
        if waits is not None:
            self._speech[waits.utterance, waits.target].next = waits.chunks
        if missing.events:
            self.delivered = min(self._events) - 1
        return [*out, *self._advance()]

    def _waiting(self) -> SpeechFinished | None:
        """The `speech.ended` that is next and lacks chunks."""
        event = self._events.get(self.delivered + 1)
        return event if isinstance(event, SpeechFinished) else None

    def _advance(self) -> list[Outgoing]:
        out: list[Outgoing] = []
        while (event := self._events.get(self.delivered + 1)) is not None:
            if isinstance(event, SpeechFinished):
                out += self._begin(event.utterance, event.target)
                if self._speech[event.utterance, event.target].next < event.chunks:
                    break
                self._end(event.utterance, event.target)
            del self._events[event.n]
            self.delivered = event.n
            out.append(event)
            match event:
                case SpeechBegan(utterance=utterance, target=target):
                    out += self._begin(utterance, target)
                case SpeechMissing(utterance=utterance, target=target):
                    self._forget(utterance, target)
                case ErrorTold(utterance=int(utterance), target=str(target)):
                    self._forget(utterance, target)
        return out

    def _begin(self, utterance: int, target: str) -> list[Outgoing]:
        self._speech.setdefault((utterance, target), _Speech()).began = True
        return self._release(utterance, target)

    def _release(self, utterance: int, target: str) -> list[Outgoing]:
        """The held chunks that are next in sequence."""
        out: list[Outgoing] = []
        speech = self._speech[utterance, target]
        while (chunk := speech.held.pop(speech.next, None)) is not None:
            speech.next += 1
            self._held_bytes -= len(chunk.pcm)
            out.append(SpeechFrame(utterance, target, chunk))
        return out

    def _end(self, utterance: int, target: str) -> None:
        """Speech of one target comes in utterance order: with this one, all before it are over."""
        self._ended[target] = max(utterance, self._ended.get(target, 0))
        for key in [key for key in self._speech if key[1] == target and key[0] <= utterance]:
            self._forget(*key)

    def _forget(self, utterance: int, target: str) -> None:
        speech = self._speech.pop((utterance, target), _Speech())
        self._held_bytes -= sum(len(chunk.pcm) for chunk in speech.held.values())
