"""Speech ended -> final caption, with the real model, beside the same engine asked directly for the same audio.

Recordings are streamed in real time through all processes, one session at a time. For each utterance

    lag       from when the client had sent the audio that completes the endpointing silence (or the close) to
              transcript.final at the client
    bare      node_runtime's own engine in this process, same model, threads and options, on the audio of the
              utterance's binding, with the processes idle; the median of a few calls
    engine    what the node says the engine took in the session (JobDone)

Where an utterance waits for the only slot because the model is busy with the one before, that is model time and is
left out of the lag. Path is lag less engine: what NATS, scheduler, ingress and node add. Engine less bare is what the
engine loses because the rest of the sentence, and of the machine, goes on meanwhile. Stamps of the streams tell where
the path's time goes.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench import stack
from bench.hops import Journal
from bench.rows import Row
from bench.speech import pieces
from cli import client
from cli.pacing import Pacing
from node_runtime.engines.base import Ask, Ear
from node_runtime.loading import load
from node_runtime.pipeline import samples
from wire.audio import BYTES_PER_SAMPLE
from wire.audio import samples as samples_of
from wire.bus import Bus
from wire.env import NodeSettings
from wire.protocol import StartRequest, TranscriptFinal

CHUNK_S = 0.1
PASSES = 2
BARE_RUNS = 3
SETTLE_S = 1.5
BOUND = 2
"""Place of the binding's stamp among a caption's stamps."""
MODULES = {"scheduler": "actors", "ingress": "ingress", "node": "node_runtime"}
DEDICATED = {"dedicated": "true"}
"""What else runs on this machine, such as NATS itself, is no reason for the node to take no work."""


@dataclass
class Played:
    """One session as its client saw it. `sent[k]` is when chunk k had been sent, `closed` when the close had."""

    session: str
    pcm: bytes
    sent: list[float] = field(default_factory=list)
    closed: float = 0.0
    finals: list[tuple[TranscriptFinal, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Caption:
    """One utterance. Seconds; `hops` from stamp to stamp, in `Journal.HOPS`' order. `waited` for the only slot, while
    the utterance before was being done."""

    lag: float
    waited: float
    bare: float
    engine: float
    hops: tuple[float, ...]


async def measure(recordings: Mapping[str, bytes], passes: int = PASSES, source: str = "auto") -> list[Row]:
    """Rows with the budgets, then rows that say where the time goes."""
    ear = await asyncio.to_thread(lambda: load(NodeSettings()).ear)
    captions: list[Caption] = []
    async with stack.running(MODULES, DEDICATED) as running, Bus.connect(running.nats_url, "bench") as bus:
        for _ in range(passes):
            for pcm in recordings.values():
                async with Journal.kept(bus) as journal:
                    played = await play(running.address, pcm, source)
                    await asyncio.sleep(SETTLE_S)
                    captions += await _captions(played, journal, ear, source)
    if not captions:
        raise stack.Void("nothing was understood")
    return rows(captions)


async def play(address: str, pcm: bytes, source: str) -> Played:
    """Stream `pcm` in real time. Words only, and none while they are spoken: each utterance is a job."""
    loop = asyncio.get_running_loop()
    request = StartRequest(source=source, targets=[], speech=False, captions=False)
    async with client.connect(address, request) as session:
        played = Played(session.started.session, pcm)

        async def listen() -> None:
            async for event in session.events():
                if isinstance(event, TranscriptFinal):
                    played.finals.append((event, time.time()))

        async with asyncio.TaskGroup() as group:
            group.create_task(listen())
            pacing = Pacing(loop.time())
            for number, chunk in enumerate(pieces(pcm, CHUNK_S)):
                await asyncio.sleep(max(0.0, pacing.due((number + 1) * CHUNK_S) - loop.time()))
                await session.send(chunk)
                played.sent.append(time.time())
            await session.close()
            played.closed = time.time()
    return played


async def _captions(played: Played, journal: Journal, ear: Ear, source: str) -> list[Caption]:
    found = []
    deciding = journal.deciding(played.session)
    for final, heard in played.finals:
        binding = journal.bindings[played.session, final.utterance]
        chunk = deciding.get(final.utterance)
        decided = played.closed if chunk is None else played.sent[chunk]
        stamps = (decided, *journal.stamps(played.session, final.utterance, chunk), heard)
        pcm = played.pcm[samples_of(binding.start) * BYTES_PER_SAMPLE : samples_of(binding.end) * BYTES_PER_SAMPLE]
        found.append(
            Caption(
                lag=heard - decided,
                waited=max(0.0, journal.free_since(played.session, final.utterance) - stamps[BOUND]),
                bare=await asyncio.to_thread(_bare, ear, pcm, source),
                engine=journal.engine[played.session, final.utterance],
                hops=tuple(after - before for before, after in itertools.pairwise(stamps)),
            )
        )
    return found


def _bare(ear: Ear, pcm: bytes, source: str) -> float:
    """Median seconds of the engine for this audio."""
    taken = []
    for run in range(BARE_RUNS):
        another = samples(pcm)[run:]  # the engine remembers what it was asked last
        since = time.perf_counter()
        ear.listen(another).transcribe(Ask(source=source))
        taken.append(time.perf_counter() - since)
    return statistics.median(taken)


def rows(captions: Sequence[Caption]) -> list[Row]:
    def middle(values: Sequence[float]) -> float:
        return 1000 * statistics.median(values)

    bare, engine = middle([each.bare for each in captions]), middle([each.engine for each in captions])
    lags = [each.lag - each.waited for each in captions]
    over = [lag - each.bare for lag, each in zip(lags, captions, strict=True)]
    path = [lag - each.engine for lag, each in zip(lags, captions, strict=True)]
    share = statistics.median([lag / each.bare - 1 for lag, each in zip(lags, captions, strict=True)])
    found = [
        Row(f"speech ended -> final caption, median of {len(captions)}; bare engine", "ms", middle(lags), bare),
        Row("  lag less bare engine, median", "ms", middle(over), bare, 50.0),
        Row("  the same as a share of the bare engine", "%", 100 * share, None, 10.0),
        Row("  the path itself: lag less engine in the session, median", "ms", middle(path), bare, 50.0),
        Row("  the same, worst", "ms", 1000 * max(path), bare),
        Row("  engine in the session; bare engine", "ms", engine, bare),
        Row("  waits for the slot, worst (left out above)", "ms", 1000 * max(each.waited for each in captions)),
    ]
    for place, hop in enumerate(Journal.HOPS):
        found.append(Row(f"    {hop}", "ms", middle([each.hops[place] for each in captions])))
    return found
