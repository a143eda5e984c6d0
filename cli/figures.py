"""What was measured and `dragoman plan` reckons with, each with where it stands or how it is measured again. PURE.

They are of one machine (2 cores of an AMD EPYC; docs/measurements.md): on others, processes take more or less of it.
What is no measurement but how things are made (sample rates, limits of streams) says where that is decided.
"""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    value: float
    unit: str
    source: str


COSTS = "docs/measurements.md, Costs (python -m bench.costs)"
CHUNKS = "docs/measurements.md, Chunks"
MEMORY = "docs/measurements.md, Memory"
MADE = "how it is made: "

FIGURES = {
    "messages_s": Figure(10.0, "messages of audio a second for each stream", MADE + "ingress/window.py"),
    "audio_kb_s": Figure(33.4, "KB a second of audio in a stream's messages (32 of them PCM16, 16 kHz)", COSTS),
    "job_padding_s": Figure(0.7, "seconds of audio around the voice in a job", MADE + "actors/endpointing.py"),
    "pcm_kb_s": Figure(32.0, "KB in a second of PCM16 at 16 kHz", MADE + "wire/audio.py"),
    "utterance_kb": Figure(3.0, "KB of results, marks, snapshots and events for each utterance", COSTS),
    "target_kb": Figure(2.4, "KB more for each target of an utterance", COSTS),
    "partial_kb_s": Figure(
        38.0, "KB of live captions' jobs in a second of speech, while nodes have time for all", COSTS
    ),
    "voice_kb_s": Figure(44.1, "KB in a second of speech at 22,050 Hz", MADE + "the packaged voice"),
    "ingress_chunk_us": Figure(158.0, "µs of an ingress's core for a message of audio, Silero's 128 included", CHUNKS),
    "ingress_utterance_ms": Figure(1.3, "ms of an ingress's core for an utterance's text", COSTS),
    "ingress_spoken_ms": Figure(2.3, "ms of an ingress's core for a spoken target of an utterance", COSTS),
    "scheduler_chunk_us": Figure(65.0, "µs of a scheduler's core for a message of audio", COSTS),
    "scheduler_utterance_ms": Figure(3.0, "ms of a scheduler's core for an utterance", COSTS),
    "scheduler_spoken_ms": Figure(2.0, "ms of a scheduler's core for a spoken target of an utterance", COSTS),
    "nats_chunk_us": Figure(60.0, "µs of a NATS server's core for a message of audio, stored and read once", COSTS),
    "nats_utterance_ms": Figure(3.7, "ms of a NATS server's core for an utterance", COSTS),
    "nats_spoken_ms": Figure(2.3, "ms of a NATS server's core for a spoken target of an utterance", COSTS),
    "nats_messages_s": Figure(
        19137.0, "messages of audio a second through one MAILBOX on 2 cores, Silero left out", CHUNKS
    ),
    "wire_mb_s": Figure(1250.0, "MB a second that a host's network carries", MADE + "10 Gbit/s"),
    "ingress_stream_kb": Figure(77.9, "KB of an ingress for a stream, the audio that it holds included", MEMORY),
    "scheduler_stream_kb": Figure(105.0, "KB of a scheduler for a stream, likewise", MEMORY),
    "ingress_mb": Figure(95.0, "MB of an ingress that has no streams", COSTS),
    "scheduler_mb": Figure(66.0, "MB of a scheduler that has none", COSTS),
    "node_mb": Figure(65.0, "MB of a node's process, its engines not counted", COSTS),
    "mailbox_age_s": Figure(120.0, "s that MAILBOX keeps", MADE + "wire/topology.py"),
    "mailbox_gb": Figure(4.295, "GB that MAILBOX holds", MADE + "wire/topology.py"),
    "events_age_s": Figure(600.0, "s that EVENTS keeps", MADE + "wire/topology.py"),
    "events_gb": Figure(4.295, "GB that EVENTS holds", MADE + "wire/topology.py"),
    "text_kb": Figure(0.4, "KB of an entry in TRANSCRIPTS: a final text or a translation", MADE + "wire/history.py"),
    "transcripts_gb": Figure(4.295, "GB that TRANSCRIPTS holds", MADE + "wire/topology.py"),
    "partitions": Figure(64.0, "partitions: no more schedulers than that have work", MADE + "wire/subjects.py"),
}
