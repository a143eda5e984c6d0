"""Many people who speak at the same time, in real time, to real models: when their words are read and heard.

    python -m bench.streams --sessions 1,2,4,8 --audio jfk.flac
    python -m bench.streams --sessions 1 --audio fr_intro.mp3 --source fr --target en

A whole Dragoman with one node of one slot, as `dragoman up` starts it, but for `dedicated`: the sessions' own load must
not keep work from it. All sessions begin at the same moment and say the same, which is the worst that can be; their
audio differs by some samples, or the engine would know it already. For each number of sessions:

    first text       first voice sent -> first words at the client, committed or not
    partial delay    newest audio that a partial knows had been sent -> the partial at the client
    final lag        all audio sent -> the session's last final at the client
    bound            the same from the bare engine, in this process, asked for the same utterances (bench/streamed.py)
    utterance lag    the chunk that completes the silence after an utterance (or the close) sent -> its final
    WER              against what was said, and in brackets the bare engine's, for the same utterances; for recordings
                     whose text is not known, against the bare engine's words
    partials         answered, of those that were asked for; the rest was shed
    first sound      translation.final -> first speech frame, both at the client; median and worst
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from bench import speech, stack
from bench.captions import MODULES
from bench.hops import Journal
from bench.streamed import HEADINGS, Figures, Streamed, Utterance, figures
from cli import client
from cli.events import SpeechFrame
from cli.pacing import Pacing
from node_runtime.engines.base import Ask, Ear, Heard
from node_runtime.loading import load
from node_runtime.pipeline import samples
from wire import subjects
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.audio import samples as samples_of
from wire.bus import Bus, Delivered
from wire.env import NodeSettings
from wire.jobs import PartialJob
from wire.messages import decode
from wire.protocol import StartRequest, TranscriptFinal, TranscriptPartial, TranslationFinal

CHUNK_S = 0.1
SETTLE_S = 1.5
BARE_RUNS = 2
APART = 7 * BYTES_PER_SAMPLE
SAID = {
    "jfk.flac": "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your "
    "country.",
    "fr_intro.mp3": "Bonjour à tous. Aujourd'hui, nous allons parler de traduction automatique, en particulier d'un "
    "modèle qui vous permet de traduire votre voix en direct du français vers l'anglais. Il garde un flow "
    "naturel et transfère votre voix à travers les langues, afin que vous puissiez interagir directement avec votre "
    "interlocuteur.",
}


@dataclass
class Played:
    """One session as its client saw it. `sent[k]` is when chunk k had been sent."""

    session: str
    sent: list[float] = field(default_factory=list)
    closed: float = 0.0
    finals: list[tuple[TranscriptFinal, float]] = field(default_factory=list)
    partials: list[float] = field(default_factory=list)
    texts: dict[tuple[int, str], float] = field(default_factory=dict)
    sounds: dict[tuple[int, str], float] = field(default_factory=dict)


class Questions:
    """Partials that were asked for: (session, generation) -> where their audio ends, in seconds."""

    def __init__(self) -> None:
        self.asked: dict[tuple[str, int], float] = {}

    def receive(self, message: Delivered) -> None:
        job: PartialJob = decode(PartialJob, message.data)
        self.asked[job.session, job.generation] = job.start + len(job.pcm) / BYTES_PER_SAMPLE / SAMPLE_RATE


class BareEngine:
    """The node's own ear in this process: what it takes for a piece of the audio, and hears."""

    def __init__(self, ear: Ear, pcm: bytes, source: str) -> None:
        self._ear, self._pcm, self._source = ear, pcm, source
        self._asked: dict[tuple[int, int], tuple[float, str]] = {}

    def hear(self, start: float, end: float) -> tuple[float, str]:
        """(seconds, text). Asked once for the same piece, give or take a chunk."""
        key = round(start / CHUNK_S), round(end / CHUNK_S)
        if key not in self._asked:
            piece = samples(self._pcm[samples_of(start) * BYTES_PER_SAMPLE : samples_of(end) * BYTES_PER_SAMPLE])
            taken, text = [], ""
            for run in range(BARE_RUNS):
                since = time.perf_counter()
                found = self._ear.listen(piece[run:]).transcribe(Ask(source=self._source))  # it remembers the last one
                taken.append(time.perf_counter() - since)
                text = found.text if isinstance(found, Heard) else ""
            self._asked[key] = min(taken), text
        return self._asked[key]


async def measure(counts: Sequence[int], pcm: bytes, start: StartRequest, said: str = "") -> list[Figures]:
    """Figures for each number of sessions. Raises Void where nothing was understood."""
    engine = BareEngine(await asyncio.to_thread(lambda: load(NodeSettings()).ear), pcm, start.source)
    found = []
    async with stack.running(MODULES, {"dedicated": "true"}) as running, Bus.connect(running.nats_url, "bench") as bus:
        questions = Questions()
        await bus.subscribe(subjects.PARTIAL_ALL, questions.receive)
        await play(running.address, pcm[: 3 * SAMPLE_RATE * BYTES_PER_SAMPLE], start)  # everything is warm after it
        for count in counts:
            async with Journal.kept(bus) as journal:
                async with asyncio.TaskGroup() as group:
                    playing = [
                        group.create_task(play(running.address, pcm[number * APART :], start))
                        for number in range(count)
                    ]
                await asyncio.sleep(SETTLE_S)
            everybody = [task.result() for task in playing]
            streamed = [await asyncio.to_thread(look_at, each, journal, questions, engine) for each in everybody]
            if not all(each.utterances for each in streamed):
                raise stack.Void("a session was not understood at all")
            bare = " ".join(engine.hear(final.start, final.end)[1] for final, _ in everybody[0].finals)
            found.append(figures(streamed, said or bare, bare))
    return found


async def play(address: str, pcm: bytes, start: StartRequest) -> Played:
    """Stream `pcm` in real time."""
    loop = asyncio.get_running_loop()
    async with client.connect(address, start) as session:
        played = Played(session.started.session)

        async def listen() -> None:
            async for event in session.events():
                now = time.time()
                match event:
                    case TranscriptFinal():
                        played.finals.append((event, now))
                    case TranscriptPartial() if event.committed or event.tentative:
                        played.partials.append(now)
                    case TranslationFinal():
                        played.texts[event.utterance, event.target] = now
                    case SpeechFrame(sequence=0):
                        played.sounds[event.utterance, event.target] = now

        async with asyncio.TaskGroup() as group:
            group.create_task(listen())
            pacing = Pacing(loop.time())
            for number, chunk in enumerate(speech.pieces(pcm, CHUNK_S)):
                await asyncio.sleep(max(0.0, pacing.due((number + 1) * CHUNK_S) - loop.time()))
                await session.send(chunk)
                played.sent.append(time.time())
            await session.close()
            played.closed = time.time()
    return played


def look_at(played: Played, journal: Journal, questions: Questions, engine: BareEngine) -> Streamed:
    """Put together what the client, the streams and the bare engine know of one session."""
    deciding = journal.deciding(played.session)
    utterances = []
    for final, told in played.finals:
        chunk = deciding.get(final.utterance)
        ended = played.closed if chunk is None else played.sent[chunk]
        utterances.append(Utterance(final.text, ended, told, engine.hear(final.start, final.end)[0]))
    if utterances:
        utterances[-1].last = True
    asked = {number: end for (session, number), end in questions.asked.items() if session == played.session}
    answers = {number: at for (session, number), at in journal.answered.items() if session == played.session}
    return Streamed(
        spoke=sent_at(played, journal.voice_began(played.session)),
        closed=played.closed,
        first_text=min([*played.partials, *(told for _, told in played.finals)], default=played.closed),
        utterances=utterances,
        delays=list(delays(played, asked, answers)),
        sounds=[at - played.texts[key] for key, at in played.sounds.items() if key in played.texts],
        asked=len(asked),
        answered=len(answers),
    )


def sent_at(played: Played, seconds: float) -> float:
    """When audio up to there had been sent."""
    return played.sent[min(len(played.sent), max(1, -int(-seconds // CHUNK_S))) - 1]


def delays(played: Played, asked: dict[int, float], answers: dict[int, float]) -> list[float]:
    """For each partial at the client: the last answer that was stored before it says what audio it knows."""
    found = []
    for at in played.partials:
        known = [asked[number] for number, stored in answers.items() if stored <= at and number in asked]
        if known:
            found.append(at - sent_at(played, max(known)))
    return found


async def run(counts: Sequence[int], audio: Path, start: StartRequest, said: str) -> None:
    console = Console(width=None if sys.stdout.isatty() else 200)
    pcm = await speech.recorded(audio)
    console.print(f"[dim]{audio.name}, {len(pcm) / 32_000:.1f} s; load of this machine: {os.getloadavg()[0]:.1f}[/dim]")
    known = said or SAID.get(audio.name, "")
    table = Table(*HEADINGS, title="seconds: p50, p95, worst", title_justify="left")
    for row in await measure(counts, pcm, start, known):
        table.add_row(*row.cells(), style="red" if row.missed() else None)
    console.print(table)
    if not known:
        console.print("[dim]WER is against the bare engine's words[/dim]")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.streams", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--sessions", default="1,2,4,8", metavar="N,…", help="so many at the same time, one after the other"
    )
    parser.add_argument("--audio", type=Path, default=speech.RECORDINGS / "jfk.flac", metavar="FILE")
    parser.add_argument("--source", default="auto", metavar="LANGUAGE")
    parser.add_argument("--target", action="append", default=[], metavar="LANGUAGE", help="translate and speak")
    parser.add_argument("--said", default="", metavar="TEXT", help="what is said, where it is not a known recording")
    given = parser.parse_args(argv)
    try:
        counts = [int(count) for count in given.sessions.split(",")]
        if min(counts) < 1:
            raise ValueError
    except ValueError:
        parser.error("--sessions: give numbers of sessions, such as 1,2,4,8")
    start = StartRequest(source=given.source, targets=given.target, speech=bool(given.target))
    uvloop.run(run(counts, given.audio, start, given.said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
