"""Whisper's decoder, told a language and a task: from an encoding to a text with what speaks for it, and word times.

What is said before the text steers it: names and terms that may come up (as a list, the way that captions name their
speakers and topics), then the text before. `Opening` holds both. Neither is trusted: see
`node_runtime.engines.whisper`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from node_runtime.engines.encodings import Window
from node_runtime.engines.guards import POOR_WORDS, SOME_DOUBT, Evidence, circles
from wire.errors import EngineError
from wire.options import Word

BEAM = 2
SPARSE = 9.0
"""Letters a second: speech has 12 to 20, less where scripts are denser."""
SPARSE_AFTER_S = 4.0
MAX_PROMPT_TOKENS = 223
MAX_HOT_TOKENS = 111
MIN_TOKENS, TOKENS_PER_SECOND, MAX_TOKENS = 24, 28, 224
"""A second of speech is 3-6 tokens in Latin scripts and up to 25 where a letter is several tokens."""
FRAMES_PER_SECOND = 100
UNSPACED = ("zh", "ja", "th", "lo", "my", "yue")
"""Their words are letters here, as the tokenizer parts them."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What the decoder is told before the first word; as text, and as tokens."""

    text: str = ""
    tokens: tuple[int, ...] = ()


class Decoder:
    """`whisper` is a `node_runtime.engines.whisper.Whisper`; `task` is transcribe or translate (into English).

    Raises EngineError where the model does not know the language.
    """

    def __init__(self, whisper: Any, language: str, task: str, probability: float = 1.0) -> None:
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        if language not in whisper.languages:
            raise EngineError(f"this Whisper model does not know the language {language!r}", retryable=False)
        self._model = whisper.model
        self._tokenizer: Any = Tokenizer(self._model.hf_tokenizer, whisper.multilingual, task=task, language=language)
        self._suppressed = get_suppressed_tokens(self._tokenizer, [-1])
        self._probability = probability

    def opening(self, hot: Sequence[str], prompt: str) -> Opening:
        """Of the hot words as many as fit; of the prompt its end."""
        named: list[str] = []
        tokens: list[int] = []
        for word in hot:
            longer = self._tokenizer.encode(" " + ", ".join([*named, word]) + ".")
            if len(longer) > MAX_HOT_TOKENS:
                break
            named.append(word)
            tokens = longer
        said = prompt.strip()
        before = self._tokenizer.encode(" " + said)[len(tokens) - MAX_PROMPT_TOKENS :] if said else []
        return Opening(" ".join([*named, said]).strip(), (*tokens, *before))

    def carefully(self, window: Window, opening: Opening) -> Evidence:
        heard = self._generate(window, opening, BEAM, 0)
        if circles(heard):
            return self._generate(window, opening, BEAM, 3)
        sparse = window.seconds > SPARSE_AFTER_S and len(heard.text) < SPARSE * window.seconds
        if sparse and heard.no_speech < SOME_DOUBT:
            return fuller(heard, self._generate(window, opening, 1, 0))
        return heard

    def quickly(self, window: Window, opening: Opening) -> Evidence:
        return self._generate(window, opening, 1, 0)

    def words(self, window: Window, text: str) -> list[Word]:
        """When each word of `text` is said: seconds of the utterance's audio. Where a script has no spaces, letters are
        words."""
        tokens = self._tokenizer.encode(" " + text)
        frames = int(window.seconds * FRAMES_PER_SECOND)
        pieces = self._model.find_alignment(self._tokenizer, [tokens], window.encoded, frames)
        words: list[Word] = []
        after = 0.0
        for piece in pieces[0] if pieces else []:
            start = min(max(after, float(piece["start"])), window.seconds)
            after = min(max(start, float(piece["end"])), window.seconds)
            end = round(window.start + after, 2)
            if words and self._continues(piece["word"]):
                words[-1] = Word(words[-1].text + piece["word"].strip(), words[-1].start, end)
            elif said := piece["word"].strip():
                words.append(Word(said, round(window.start + start, 2), end))
        return words

    def _continues(self, piece: str) -> bool:
        """Whether it belongs to the word before: "'hui", ","."""
        if self._tokenizer.language_code in UNSPACED:
            return not any(map(str.isalnum, piece))
        return not piece.startswith(" ") or not any(map(str.isalnum, piece))

    def _generate(self, window: Window, opening: Opening, beam: int, forbidden_ngram: int) -> Evidence:
        tokenizer = self._tokenizer
        before = [tokenizer.sot_prev, *opening.tokens] if opening.tokens else []
        start = [*before, *tokenizer.sot_sequence, tokenizer.no_timestamps]
        limit = min(MAX_TOKENS, MIN_TOKENS + int(TOKENS_PER_SECOND * window.seconds))
        result = self._model.model.generate(
            window.encoded,
            [start],
            beam_size=beam,
            no_repeat_ngram_size=forbidden_ngram,
            max_length=len(start) + limit,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._suppressed,
        )[0]
        tokens = result.sequences_ids[0]
        # The score is the mean over the tokens without the end token; Whisper's own measure counts that too.
        average = result.scores[0] * len(tokens) / (len(tokens) + 1)
        text = tokenizer.decode(tokens).strip()
        return Evidence(text, window.seconds, result.no_speech_prob, average, self._probability)


def fuller(beam: Evidence, greedy: Evidence) -> Evidence:
    """The greedy decoding if it has a third more text that is not worth less; else the beam's."""
    more = len(greedy.text) > 1.33 * len(beam.text)
    sound = greedy.log_probability > POOR_WORDS and not circles(greedy)
    return greedy if more and sound else beam
