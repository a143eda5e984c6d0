"""What translating one utterance into many languages costs: asked once for all, or once for each.

    python -m bench.translation tests/data/tiny-m2m100     # a model that translates
    python -m bench.translation m2m100-418m                # random weights of that shape: time and memory, no words

Both ways take turns, so that what else the machine does hits both. int8, beam 4, as nodes run it on a CPU. With random
weights every row has `TOKENS` tokens in and out, which is a sentence of some ten words.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ctranslate2
import psutil

from bench import random_model
from node_runtime.engines.base import Wanted
from node_runtime.engines.translate import BEAM, Translation

TOKENS = 16
COUNTS = (1, 2, 4, 8, 16)
SAID = "Where is the train station? I need three tickets."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", help=f"a model directory, or one of {', '.join(random_model.SHAPES)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    measure = generated if arguments.model in random_model.SHAPES else translated
    measure(arguments.model, arguments.rounds, arguments.threads)


def translated(directory: str, rounds: int, threads: int) -> None:
    before = psutil.Process().memory_info().rss
    model = Translation(Path(directory), "cpu", threads, 1)
    targets = [target for target, sources in model.pairs.items() if "en" in sources]
    compare(lambda chosen: model.translate_many([Wanted(SAID, each) for each in chosen], "en"), targets, rounds)
    print_memory(before)


def generated(shape: str, rounds: int, threads: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        tokens = [str(number) for number in range(random_model.SHAPES[shape].vocabulary)]
        random_model.write(path, random_model.SHAPES[shape], tokens, "int8", decoder_start_token="2")
        print(f"on disk: {(path / 'model.bin').stat().st_size / 1e6:,.0f} MB")
        before = psutil.Process().memory_info().rss
        translator = ctranslate2.Translator(str(path), compute_type="int8", intra_threads=threads)
        compare(lambda chosen: _generate(translator, len(chosen)), tokens[: COUNTS[-1]], rounds)
        print_memory(before)


def print_memory(before: int) -> None:
    print(f"memory: {(psutil.Process().memory_info().rss - before) / 1e6:,.0f} MB more than before it was loaded")


def compare(work: Callable[[list[str]], object], targets: list[str], rounds: int) -> None:
    """`work` does some of the targets in one call."""
    print("targets | one call, ms | a call each, ms | ratio")
    work(targets[:1])
    for count in [number for number in COUNTS if number <= len(targets)]:
        once: list[float] = []
        each: list[float] = []
        for _ in range(rounds):
            once.append(_seconds(work, [targets[:count]]))
            each.append(_seconds(work, [[target] for target in targets[:count]]))
        together, apart = statistics.median(once), statistics.median(each)
        print(f"{count} | {together * 1e3:.0f} | {apart * 1e3:.0f} | {apart / together:.2f}")


def _seconds(work: Callable[[list[str]], object], calls: list[list[str]]) -> float:
    since = time.perf_counter()
    for targets in calls:
        work(targets)
    return time.perf_counter() - since


def _generate(translator: ctranslate2.Translator, rows: int) -> None:
    translator.translate_batch(
        [[str(100 + row * TOKENS + at) for at in range(TOKENS)] for row in range(rows)],
        beam_size=BEAM,
        min_decoding_length=TOKENS,
        max_decoding_length=TOKENS,
    )


if __name__ == "__main__":
    main()
