"""What an ingress tells about itself: who is connected, the audio that came in, and the recordings that there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import get_args

from ingress.shared import Ingress
from wire import metrics
from wire.monitor import Role
from wire.readings import Reading
from wire.records import RecordingState


def role(ingress: Ingress) -> Role:
    return Role("ingress", metrics.INGRESS, lambda: readings(ingress), lambda: unready(ingress))


def unready(ingress: Ingress) -> str | None:
    ending = ingress.unready()
    return ending.error.message if ending is not None and ending.error is not None else None


def readings(ingress: Ingress) -> Iterator[Reading]:
    yield Reading(metrics.SESSIONS_CONNECTED, len(ingress.feed.sessions))
    yield Reading(metrics.CONNECTIONS, len(ingress.connections))
    yield Reading(metrics.AUDIO_CHUNKS, metrics.AUDIO_IN.chunks)
    yield Reading(metrics.AUDIO_BYTES, metrics.AUDIO_IN.bytes)
    states = Counter(seen.record.state for seen in ingress.recordings.seen.values())
    for state in get_args(RecordingState):
        yield Reading(metrics.RECORDINGS, states[state], (state,))
