"""The engines' process: `python -m node_runtime.child`, started and fed by node_runtime.nursery.

Native code crashes, leaks and hangs; here that costs one attempt at a job and not the node. Frames come on standard
input and go to standard output, which is taken away from everybody else first: what a library prints lands on standard
error. One thread for each slot runs jobs, as many run pieces of recordings by turns (node_runtime.precedence), others
answer partial jobs, one beats, the main thread reads. The process ends when its input ends or its parent dies, and
ignores SIGINT and SIGTERM: the parent decides.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

from node_runtime import frames
from node_runtime.engines.base import Engines
from node_runtime.glimpse import Glimpser
from node_runtime.pipeline import Attempt
from node_runtime.precedence import MadeWay, Precedence
from node_runtime.rehearsal import warm_up
from wire import log as logs
from wire import pipes
from wire.errors import DragomanError
from wire.jobs import Job, SpeechChunk

BEAT_S = 1.0

log = logs.get(__name__)


class Child:
    """Reads `source`, writes `sink`. Ends the process at the end of `source`."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._writing = threading.Lock()
        self._runs: queue.SimpleQueue[frames.Run] = queue.SimpleQueue()
        self._pieces: queue.SimpleQueue[frames.Run] = queue.SimpleQueue()
        self._glimpses: queue.SimpleQueue[frames.Glimpse] = queue.SimpleQueue()
        self._precedence: Precedence

    def serve(self) -> None:
        threading.Thread(target=self._beat, name="beat", daemon=True).start()
        begin = self._read()
        if not isinstance(begin, frames.Begin):
            return
        settings = begin.settings
        logs.configure("node-engines", settings.log_level, settings.log_format)
        from node_runtime.loading import glimpses, load  # after the configuration: it imports the models' libraries

        try:
            engines = load(settings)
        except DragomanError as error:
            self.send(frames.Unusable(code=error.code, message=str(error)))
            return
        self.send(
            frames.Loaded(
                device=engines.device,
                models=engines.models,
                sources=engines.ear.languages,
                targets=engines.targets(),
                voices={voice.language: voice.name for voice in reversed(engines.voices)},
                tags=engines.tags,
                ear=engines.ear_identity,
                translation=engines.translation_identity,
            )
        )
        self._precedence = Precedence(settings.slots)
        for slot in range(settings.slots):
            _start(f"slot-{slot}", self._work, engines, begin.node)
            _start(f"piece-{slot}", self._work_by_turns, engines, begin.node)
        glimpser = Glimpser(begin.node, engines, self._precedence)
        for number in range(glimpses(engines.device, settings.slots)):
            _start(f"glimpse-{number}", self._glimpse, glimpser)
        while True:
            match self._read():
                case frames.Run(job=Job(recorded=True)) as run:
                    self._precedence.piece_came()
                    self._pieces.put(run)
                case frames.Run() as run:
                    self._precedence.final_came()
                    self._runs.put(run)
                case frames.Glimpse() as glimpse:
                    self._precedence.glimpse_came()
                    self._glimpses.put(glimpse)
                case _:
                    return

    def send(self, frame: frames.Frame) -> None:
        packed = frames.pack(frame)
        with self._writing:
            self._sink.write(packed)
            self._sink.flush()

    def _read(self) -> frames.ToChild | None:
        """The next frame; None at the end."""
        body = pipes.read(self._source)
        return None if body is None else frames.to_child.decode(body)

    def _beat(self) -> None:
        stopped = threading.Event()
        while not stopped.wait(BEAT_S):
            try:
                self.send(frames.Beat())
            except OSError:  # nobody reads any more
                os._exit(1)

    def _work(self, engines: Engines, node: str) -> None:
        while True:
            run = self._runs.get()
            ended = self._run(run, engines, node)
            self._precedence.final_went()
            self.send(ended)

    def _work_by_turns(self, engines: Engines, node: str) -> None:
        while True:
            self.send(self._run(self._pieces.get(), engines, node))

    def _run(self, run: frames.Run, engines: Engines, node: str) -> frames.Ended:
        try:
            if run.job.warm_up:
                return frames.Ended(run=run.run, rtf=warm_up(run.job, engines))
            attempt = Attempt(run.job, node, engines)
            steps = attempt.run()
            for step in self._precedence.by_turns(steps, _is_spoken) if run.job.recorded else steps:
                self.send(frames.Stepped(run=run.run, step=step, target=attempt.target))
        except MadeWay:
            return frames.Ended(run=run.run, made_way=True)
        except Exception as broken:  # whatever it was, it is told, and the slot goes on
            log.exception("an attempt broke", job=run.job.job)
            return frames.Ended(
                run=run.run, error=f"{type(broken).__name__}: {broken}" if run.job.warm_up else type(broken).__name__
            )
        return frames.Ended(run=run.run)

    def _glimpse(self, glimpser: Glimpser) -> None:
        while True:
            asked = self._glimpses.get()
            try:
                answer = frames.Glimpsed(run=asked.run, hypothesis=glimpser.glimpse(asked.job))
            except Exception as broken:  # whatever it was, it is told, and the next comes soon
                log.exception("a glimpse broke", session=asked.job.session, utterance=asked.job.utterance)
                answer = frames.Glimpsed(run=asked.run, error=type(broken).__name__)
            self._precedence.glimpse_went()
            self.send(answer)


def _is_spoken(step: frames.Step) -> bool:
    return isinstance(step, SpeechChunk)


def _start(name: str, work: Callable[..., None], *told: object) -> None:
    threading.Thread(target=work, args=told, name=name, daemon=True).start()


def main() -> None:
    Child(*pipes.adopted()).serve()
    sys.stderr.flush()
    os._exit(0)  # threads may be deep in native code: nothing of theirs is worth waiting for


if __name__ == "__main__":
    main()
