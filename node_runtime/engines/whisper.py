"""Speech recognition by Whisper (https://arxiv.org/abs/2212.04356) on CTranslate2.

faster-whisper brings the features and the tokenizer; the decoding is ours, because an utterance here is one window
(Whisper always computes 30 s) and its encoding, more than half of the time, serves three questions: which language,
what was said, and what is that in English. Decided by measuring (`base`, int8, 2 cores; speech in five languages):

- No timestamps: the same words in speech, 10 % faster, and noise does not run in circles 224 tokens long.
- Beam 2: as right as 5 and faster; greedy hears "l'onglet" for "l'anglais". But a beam may skip: of audio that begins
  in the middle of a word it dropped 20 words of 33, and greedy none. So where it finds few letters for the time, greedy
  is asked too, and believed if it found much more.
- No temperatures: sampling is not repeatable, and what it rescues is repetition. Instead a text that runs in circles is
  decoded once more with repeated trigrams forbidden; still in circles, it is no speech.
- No more tokens than the audio can hold, so that what is invented at least ends soon.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from node_runtime.engines.base import Heard, Samples
from node_runtime.engines.guards import (
    MIN_SECONDS,
    POOR_WORDS,
    SOME_DOUBT,
    Evidence,
    Reason,
    echoes,
    repeats,
    verdict,
)
from wire.audio import SAMPLE_RATE
from wire.errors import EngineError, ModelMissing
from wire.messages import AUTO

WINDOW_S = 30.0
OPENING = {"zh": "以下是普通话的句子。"}
"""Said before the first words where nothing else is: it makes Whisper write Chinese in simplified characters. Without
it, `base` wrote both Chinese recordings of the tests in traditional ones; the words were the same."""
BEAM = 2
SPARSE = 9.0
"""Letters a second: speech has 12 to 20, less where scripts are denser."""
SPARSE_AFTER_S = 4.0
MAX_PROMPT_TOKENS = 223
MIN_TOKENS, TOKENS_PER_SECOND, MAX_TOKENS = 24, 28, 224
"""A second of speech is 3-6 tokens in Latin scripts and up to 25 where a letter is several tokens."""


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
        self.multilingual: bool = self.model.model.is_multilingual
        known = self.model.hf_tokenizer.token_to_id
        self.languages = [code for code in _LANGUAGE_CODES if known(f"<|{code}|>") is not None]
        if not self.multilingual:
            self.languages = ["en"]
        # Only models with many languages were trained to translate, and the `turbo` ones not even so.
        self.translates = self.multilingual and "turbo" not in str(path).lower()

    def listen(self, audio: Samples) -> WhisperHearing:
        return WhisperHearing(self, audio)


class WhisperHearing:
    """One utterance: up to 30 s are one window; what is longer is cut into equal windows."""

    def __init__(self, whisper: Whisper, audio: Samples) -> None:
        self._whisper = whisper
        self._audio = audio
        self._windows: list[tuple[float, Any]] = []

    def transcribe(self, source: str, prompt: str) -> Heard | Reason:
        if len(self._audio) < MIN_SECONDS * SAMPLE_RATE:
            return "too_short"
        language, probability = (source, 1.0) if source != AUTO else self._detect()
        texts: list[str] = []
        reasons: list[Reason] = []
        sure = 0.0
        for seconds, encoded in self._encoded():
            opening = prompt or OPENING.get(language, "")
            heard = self._decode(encoded, seconds, language, "transcribe", opening, probability)
            reason = verdict(heard)
            if opening and (reason is not None or echoes(heard.text, opening)):  # the prompt may have misled it
                heard = self._decode(encoded, seconds, language, "transcribe", "", probability)
                reason = verdict(heard)
            if reason is None:
                texts.append(heard.text)
                sure += math.exp(min(heard.log_probability, 0.0))
            else:
                reasons.append(reason)
        if not texts:
            return reasons[0]
        return Heard(" ".join(texts), language, probability, sure / len(texts))

    def in_english(self, source: str) -> str:
        if source == AUTO:
            source, _ = self._detect()
        found = [self._decode(encoded, seconds, source, "translate", "", 1.0) for seconds, encoded in self._encoded()]
        return " ".join(each.text for each in found if not repeats(each.text)).strip()

    def _encoded(self) -> Iterator[tuple[float, Any]]:
        from faster_whisper.audio import pad_or_trim

        if not self._windows:
            count = max(1, math.ceil(len(self._audio) / (WINDOW_S * SAMPLE_RATE)))
            for part in np.array_split(self._audio, count):
                features = self._whisper.model.feature_extractor(part)
                encoded = self._whisper.model.encode(pad_or_trim(features[..., :3000]))
                self._windows.append((len(part) / SAMPLE_RATE, encoded))
        yield from self._windows

    def _detect(self) -> tuple[str, float]:
        if not self._whisper.multilingual:
            return "en", 1.0
        _, first = next(self._encoded())
        token, probability = self._whisper.model.model.detect_language(first)[0][0]
        return token[2:-2], float(probability)

    def _decode(
        self, encoded: Any, seconds: float, language: str, task: str, prompt: str, probability: float
    ) -> Evidence:
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        model = self._whisper.model
        if language not in self._whisper.languages:
            raise EngineError(f"this Whisper model does not know the language {language!r}", retryable=False)
        tokenizer = Tokenizer(model.hf_tokenizer, self._whisper.multilingual, task=task, language=language)
        before = tokenizer.encode(" " + prompt.strip())[-MAX_PROMPT_TOKENS:] if prompt.strip() else []
        start = [*([tokenizer.sot_prev, *before] if before else []), *tokenizer.sot_sequence, tokenizer.no_timestamps]
        suppressed = get_suppressed_tokens(tokenizer, [-1])
        limit = min(MAX_TOKENS, MIN_TOKENS + int(TOKENS_PER_SECOND * seconds))

        def generate(beam: int, forbidden_ngram: int) -> Evidence:
            result = model.model.generate(
                encoded,
                [start],
                beam_size=beam,
                no_repeat_ngram_size=forbidden_ngram,
                max_length=len(start) + limit,
                return_scores=True,
                return_no_speech_prob=True,
                suppress_blank=True,
                suppress_tokens=suppressed,
            )[0]
            tokens = result.sequences_ids[0]
            # The score is the mean over the tokens without the end token; Whisper's own measure counts that too.
            average = result.scores[0] * len(tokens) / (len(tokens) + 1)
            text = tokenizer.decode(tokens).strip()
            return Evidence(text, seconds, result.no_speech_prob, average, probability)

        heard = generate(BEAM, 0)
        if repeats(heard.text):
            return generate(BEAM, 3)
        if seconds > SPARSE_AFTER_S and len(heard.text) < SPARSE * seconds and heard.no_speech < SOME_DOUBT:
            return fuller(heard, generate(1, 0))
        return heard


def fuller(beam: Evidence, greedy: Evidence) -> Evidence:
    """The greedy decoding if it has a third more text that is not worth less; else the beam's."""
    more = len(greedy.text) > 1.33 * len(beam.text)
    sound = greedy.log_probability > POOR_WORDS and not repeats(greedy.text)
    return greedy if more and sound else beam
