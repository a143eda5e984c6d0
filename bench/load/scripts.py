"""What the speakers say, and what they must be told.

All say the same, over and over, but no two of `VARIANTS` at the same moment: each begins with a pause of its own. So
ends of utterances are spread over time as those of strangers are, and the answers are known. Of scripted engines they
are known to the letter: where utterances end is arithmetic (Silero on the audio, `actors.endpointing` on that), and
their text follows from the audio. Real models are judged by the word error rate against what was said.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from actors.endpointing import Boundary, Endpointer, Rules
from bench import speech
from bench.load.plan import CHUNK_S, Answer, Script
from ingress.vad import SpeechMeter, SpeechModel, find_model
from node_runtime.engines import scripted
from wire.audio import BYTES_PER_SAMPLE, FRAME_SAMPLES, SAMPLE_RATE
from wire.env import SchedulerSettings

VARIANTS = 25
LONGEST_SPREAD_S = 12.0
LAST_PAUSE_S = 1.0
"""After the last word, so that every utterance ends by itself."""
SENTENCES = (
    "The ship had left the harbour before the storm began.",
    "Nobody on board had slept that night, and nobody had asked why.",
    "In the morning the captain counted his men.",
    "None was missing, so they went on as if nothing had happened.",
    "Yes, that is right.",
    "We will see about it when we come to the islands in the south.",
)
FRAMES_OF_CHUNK = 3
CHUNK_BYTES = round(CHUNK_S * SAMPLE_RATE) * BYTES_PER_SAMPLE


@dataclass(frozen=True)
class Speech:
    """Pieces of speech with a pause after each, PCM16 mono 16 kHz, and what is said in each, where it is known."""

    pieces: list[bytes]
    texts: list[str]

    def lasting(self, seconds: float) -> tuple[bytes, str]:
        """As many of the pieces, again and again, as it takes; and what is said in them."""
        audio, texts = bytearray(), []
        for piece, text in itertools.cycle(zip(self.pieces, self.texts, strict=True)):
            audio += piece
            texts.append(text)
            if len(audio) >= seconds * SAMPLE_RATE * BYTES_PER_SAMPLE:
                break
        return bytes(audio), " ".join(texts)


def made(pause_s: float) -> Speech:
    """By the packaged voice. Raises ModelMissing without it."""
    pause = speech.room(pause_s)
    return Speech([said + pause for said in speech.sentences(SENTENCES)], list(SENTENCES))


async def recorded(path: Path, said: str, pause_s: float) -> Speech:
    """A recording, and what is said in it. Raises AudioUnreadable."""
    pause = speech.room(pause_s)
    return Speech([await speech.recorded(path) + pause], [said])


def written(folder: Path, spoken: Speech, seconds: float, wer: float | None) -> list[Script]:
    """Write the variants into the folder, one file each, of at least so many seconds.

    With `wer`, real models answer, and so many of a hundred words may be wrong; with None, scripted engines do.
    """
    audio, said = spoken.lasting(seconds)
    spread = min(LONGEST_SPREAD_S, len(audio) / SAMPLE_RATE / BYTES_PER_SAMPLE)
    model, found = SpeechModel(find_model()), []
    for number in range(VARIANTS):
        pause = speech.room(CHUNK_S + number * spread / VARIANTS)
        whole = pause + audio + speech.room(LAST_PAUSE_S)
        whole += bytes(-len(whole) % CHUNK_BYTES)
        (folder / f"{number}.pcm").write_bytes(whole)
        length = len(whole) / SAMPLE_RATE / BYTES_PER_SAMPLE
        if wer is None:
            found.append(Script(seconds=length, answers=answers(whole, model)))
        else:
            found.append(Script(seconds=length, said=said, wer=wer))
    return found


def answers(pcm: bytes, model: SpeechModel) -> list[Answer]:
    """What scripted engines make of this audio. Raises ValueError where somebody still speaks at its end."""
    rules, endpointer, meter = Rules.of(SchedulerSettings()), Endpointer(), SpeechMeter(model)
    ended: list[Boundary] = []
    heard = meter.measure(np.frombuffer(pcm, "<i2"))
    for at in range(0, len(heard), FRAMES_OF_CHUNK):
        ended += endpointer.feed(rules, heard[at : at + FRAMES_OF_CHUNK])
    if endpointer.open:
        raise ValueError("the audio ends in the middle of an utterance: let a second of silence follow")
    return [Answer(_text(pcm, each), *each.voice) for each in ended]


def _text(pcm: bytes, boundary: Boundary) -> str:
    size = FRAME_SAMPLES * BYTES_PER_SAMPLE
    audio = np.frombuffer(pcm[boundary.start * size : boundary.end * size], "<i2")
    return scripted.transcript_of(audio.astype(np.float32) / np.float32(32768))


def share_of_speech(scripts: Iterable[Script]) -> float:
    """How much of the time somebody speaks, where that is known."""
    known = list(scripts)
    spoken = sum(answer.end - answer.start for script in known for answer in script.answers)
    return spoken / sum(script.seconds for script in known)
