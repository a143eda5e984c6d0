"""Speech recognition by Whisper (https://arxiv.org/abs/2212.04356) on CTranslate2.

faster-whisper brings the features and the tokenizer; the decoding is ours, because an utterance here is one window
(Whisper always computes 30 s) and its encoding, more than half of the time, serves three questions: which language,
what was said, and what is that in English. Decided by measuring (`base`, int8, 2 cores; speech in five languages):

- No timestamps: the same words in speech, 10 % faster, and noise does not run in circles 224 tokens long. In one pass
  over a piece of a recording they also stop too soon, at a pause: of 72 pieces of 9 to 28 s with pauses of 0.4 to 4.5 s
  inside, in English and French, 3.3 % of the words were wrong without them, 10 % with them, and 3.4 % the way of
  faster-whisper, which begins anew where a pass stopped, with a beam of 5.
- Beam 2: as right as 5 and faster; greedy hears "l'onglet" for "l'anglais". But a beam may skip: of audio that begins
  in the middle of a word it dropped 20 words of 33, and greedy none. So where it finds few letters for the time, greedy
  is asked too, and believed if it found much more.
- A sketch (live captions) is greedy and asked once; it is judged by the same guards.
- No temperatures: sampling is not repeatable, and what it rescues is repetition. Instead a text that runs in circles is
  decoded once more with repeated trigrams forbidden; still in circles, it is no speech.
- No more tokens than the audio can hold, so that what is invented at least ends soon.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from node_runtime.engines.base import Ask, Heard, Samples
from node_runtime.engines.decoding import Decoder, Opening
from node_runtime.engines.detection import believed
from node_runtime.engines.edges import trimmed
from node_runtime.engines.encodings import Encoding, Recent, Window
from node_runtime.engines.glossary import mentions
from node_runtime.engines.guards import MIN_SECONDS, Evidence, Reason, circles, echoes, verdict
from node_runtime.engines.identity import identity
from wire.audio import SAMPLE_RATE
from wire.errors import ModelMissing
from wire.messages import AUTO
from wire.options import Word

WINDOW_S = 30.0
OPENING = {"zh": "以下是普通话的句子。"}
"""Said before the first words where nothing else is: it makes Whisper write Chinese in simplified characters. Without
it, `base` wrote both Chinese recordings of the tests in traditional ones; the words were the same."""
KEPT_PER_WORKER = 4
"""Encodings."""


class Whisper:
    """A Whisper model in CTranslate2's form, in the directory `path`. `threads` are for each of `workers` jobs at once.

    Raises ModelMissing where it cannot be loaded.
    """

    def __init__(self, path: Path, device: str, threads: int, workers: int) -> None:
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import _LANGUAGE_CODES

        for name in ("model.bin", "config.json", "tokenizer.json"):
            if not (path / name).is_file():
                raise ModelMissing(f"the Whisper model {path} has no {name}: it must be a CTranslate2 model directory")
        try:
            self.model: Any = WhisperModel(
                str(path),
                device=device,
                compute_type="float16" if device == "cuda" else "int8",
                cpu_threads=threads,
                num_workers=workers,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelMissing(f"the Whisper model {path} cannot be loaded: {error}") from error
        self.identity = identity(path, device)
        self.window_s = 30.0
        self.recent = Recent(KEPT_PER_WORKER * workers)
        self.multilingual: bool = self.model.model.is_multilingual
        known = self.model.hf_tokenizer.token_to_id
        self.languages = [code for code in _LANGUAGE_CODES if known(f"<|{code}|>") is not None]
        if not self.multilingual:
            self.languages = ["en"]
        # Only models with many languages were trained to translate, and the `turbo` ones not even so.
        self.translates = self.multilingual and "turbo" not in str(path).lower()

    def listen(self, audio: Samples) -> WhisperHearing:
        return WhisperHearing(self, audio)

    def encode(self, audio: Samples) -> list[Window]:
        from faster_whisper.audio import pad_or_trim

        windows: list[Window] = []
        start = 0.0
        for part in np.array_split(audio, max(1, math.ceil(len(audio) / (WINDOW_S * SAMPLE_RATE)))):
            features = self.model.feature_extractor(part)
            seconds = len(part) / SAMPLE_RATE
            windows.append(Window(start, seconds, self.model.encode(pad_or_trim(features[..., :3000]))))
            start += seconds
        return windows

    def detect(self, window: Window) -> Mapping[str, float]:
        """The probability of each language."""
        return {token[2:-2]: float(each) for token, each in self.model.model.detect_language(window.encoded)[0]}


class WhisperHearing:
    """One utterance: up to 30 s are one window; what is longer is cut into equal windows."""

    def __init__(self, whisper: Whisper, audio: Samples) -> None:
        self._whisper = whisper
        self._audio = audio
        self._encoding = whisper.recent.find(audio) or Encoding(audio, whisper.encode, whisper.detect)

    def prepare(self) -> None:
        self._encoding.windows()

    def transcribe(self, ask: Ask) -> Heard | Reason:
        self._encoding = self._whisper.recent.keep(self._audio, self._encoding)
        found = self._hear(ask, Decoder.carefully)
        if isinstance(found, Heard) and found.words:
            return replace(found, words=trimmed(found.words, self._audio))
        return found

    def sketch(self, ask: Ask) -> Heard | Reason:
        return self._hear(ask, Decoder.quickly)

    def in_english(self, source: str) -> str:
        if source == AUTO:
            source, _ = self.language(Ask())
        decoder = Decoder(self._whisper, source, "translate")
        found = [decoder.carefully(window, Opening()) for window in self._encoding.windows()]
        return " ".join(each.text for each in found if not circles(each)).strip()

    def _hear(self, ask: Ask, decode: Callable[[Decoder, Window, Opening], Evidence]) -> Heard | Reason:
        if len(self._audio) < MIN_SECONDS * SAMPLE_RATE:
            return "too_short"
        language, probability = self.language(ask)
        sure_of_language = 1.0 if language == ask.expected else probability  # what was said before speaks for it
        decoder = Decoder(self._whisper, language, "transcribe", sure_of_language)
        texts: list[str] = []
        words: list[Word] = []
        reasons: list[Reason] = []
        confidence = 0.0
        for window in self._encoding.windows():
            heard = judged(ask, language, decoder, partial(decode, decoder, window))
            if not isinstance(heard, Evidence):
                reasons.append(heard)
                continue
            texts.append(heard.text)
            confidence += math.exp(min(heard.log_probability, 0.0))
            if ask.timed:
                words += decoder.words(window, heard.text)
        if not texts:
            return reasons[0]
        return Heard(" ".join(texts), language, probability, confidence / len(texts), tuple(words))

    def language(self, ask: Ask) -> tuple[str, float]:
        """The language that is spoken, as far as can be told, and its probability."""
        if ask.source != AUTO:
            return ask.source, 1.0
        if not self._whisper.multilingual:
            return "en", 1.0
        seconds = ask.voiced or len(self._audio) / SAMPLE_RATE
        return believed(self._encoding.languages(), ask.expected, ask.between, seconds)


def judged(ask: Ask, language: str, decoder: Decoder, decode: Callable[[Opening], Evidence]) -> Evidence | Reason:
    """What one window says, or why that is nothing.

    A prompt may mislead: where its text comes back, or nothing sound does, it is left out. Hot words are said before a
    second decoding, which counts only where there was something without them, one of them is in it, and it is the surer
    of the two: so they put no word where nobody spoke, and change nothing where none of them was said.
    """
    prompt = ask.prompt or OPENING.get(language, "")
    opening = decoder.opening((), prompt)
    heard = decode(opening)
    reason = verdict(heard)
    if opening.tokens and (reason is not None or echoes(heard.text, opening.text)):
        prompt = ""
        heard = decode(Opening())
        reason = verdict(heard)
    if reason is not None:
        return reason
    if ask.hot:
        named = decode(decoder.opening(ask.hot, prompt))
        surer = named.log_probability > heard.log_probability
        if surer and mentions(named.text, ask.hot) and verdict(named) is None:
            return named
    return heard
