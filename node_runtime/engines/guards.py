"""When Whisper's words are not anybody's words. Pure functions; numbers measured with `base` and `tiny.en`.

Given noise, music or silence, Whisper still writes: "you", "Thank you.", "1-2-3-4-4-4-4…", subtitle credits it saw in
training. Four signs give that away, and none alone is safe (Whisper paper, section 4.5; measured without timestamps):

    no-speech probability   0.65-0.88 in noise, hum, tones and silence; 0.00-0.28 in speech, also short, soft or noisy
    average log-probability below -0.9 in most invented text; -0.05 to -0.6 in heard text, -1 in the worst of it
    compression ratio       over 2.4 where it runs in circles; "No, no, no, no" said aloud stays under 1.7, but 22 words
                            said twice in 24 s come to 2.5
    the text itself         no letters, credits, more letters than a mouth can say in that time

So: a high no-speech probability counts only with poor words, poor words count only with some doubt that there was
speech, and circles count always, those that compress only a little too well where the words are not sure otherwise. A
reason is one of those that the protocol names.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Literal

Reason = Literal["no_speech", "noise", "repetition", "too_short"]

MIN_SECONDS = 0.1
"""Less audio than this holds no word."""

NO_SPEECH = 0.6
SOME_DOUBT = 0.3
POOR_WORDS = -0.6
BAD_WORDS = -1.0
HOPELESS_WORDS = -1.8
MAX_COMPRESSION, MAX_COMPRESSION_IF_SURE = 2.4, 3.0
MAX_CHARACTERS_PER_SECOND = 40.0
"""Fast speech has 20-25 letters a second."""
UNSURE_LANGUAGE = 0.5

_CREDITS = re.compile(
    r"amara\.org|sous-titr|sous-titrage|untertitel|subtitle[sd]? by|subtítulos (?:por|realizados)|sottotitoli"
    r"|ondertitel|legendas pela|字幕|자막|субтитры|редактор субтитров|napisy (?:stworzone|przez)|titulky vytvo",
    re.IGNORECASE,
)
_SAID_TO_NOBODY = """
    you / thank you / thanks / thanks for watching / thank you for watching / thank you very much / bye / bye bye / so
    the end / music / please subscribe / see you in the next video / i'll see you in the next video / merci
    merci d'avoir regardé / vielen dank / gracias / obrigado / ご視聴ありがとうございました / 谢谢观看 / 謝謝觀看
    시청해주셔서 감사합니다 / спасибо / продолжение следует
"""
_CUSTOMARY = frozenset(re.split(r"\s*[/\n]\s*", _SAID_TO_NOBODY.strip()))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a decoding says about itself, of `seconds` of audio. `language_probability` is 1.0 of a given language."""

    text: str
    seconds: float
    no_speech: float
    log_probability: float
    language_probability: float = 1.0


def verdict(heard: Evidence) -> Reason | None:
    """Why these are not words that somebody said; None: they are."""
    silent = heard.no_speech > NO_SPEECH
    if not heard.text or not spells(heard.text):
        return "no_speech" if silent or not heard.text else "noise"
    if circles(heard) or hurries(heard.text, heard.seconds):
        return "no_speech" if silent else "repetition"
    if silent and heard.log_probability < POOR_WORDS:
        return "no_speech"
    if is_credit(heard.text):
        return "noise"
    unsure = heard.no_speech > SOME_DOUBT or heard.language_probability < UNSURE_LANGUAGE
    if heard.no_speech > SOME_DOUBT and is_customary(heard.text):
        return "noise"
    if heard.log_probability < (BAD_WORDS if unsure else HOPELESS_WORDS):
        return "noise"
    return None


def spells(text: str) -> bool:
    """There is a letter or a digit in it, of any script ("♪ … -" has none)."""
    return any(character.isalnum() for character in text)


def compression_ratio(text: str) -> float:
    """Bytes of UTF-8 by bytes of zlib's: high where the text says the same again and again."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def circles(heard: Evidence) -> bool:
    """It runs in circles: it compresses too well, or a phrase comes again and again without a break."""
    sure = heard.no_speech < SOME_DOUBT and heard.log_probability > POOR_WORDS
    limit = MAX_COMPRESSION_IF_SURE if sure else MAX_COMPRESSION
    return compression_ratio(heard.text) > limit or longest_run(heard.text) > 8


def longest_run(text: str) -> int:
    """How many times in a row the most stubborn phrase of 1 to 8 words comes. Text without spaces counts by letters,
    and there phrases of one letter do not ("哈哈哈哈", "aaaah")."""
    words = re.findall(r"\w+", text.lower())
    shortest = 1
    if len(words) < 6 and len(text) > 24:
        words, shortest = [character for character in text.lower() if character.isalnum()], 2
    best = 1
    for size in range(shortest, 9):
        run = 0
        for at in range(size, len(words)):
            run = run + 1 if words[at] == words[at - size] else 0
            best = max(best, run // size + 1)
    return best


def hurries(text: str, seconds: float) -> bool:
    """More than can be said in the time."""
    return len(text) > 20 + MAX_CHARACTERS_PER_SECOND * seconds


def is_credit(text: str) -> bool:
    """A subtitle credit: nobody says that, Whisper does."""
    return len(text) < 120 and _CREDITS.search(text) is not None


def is_customary(text: str) -> bool:
    """What Whisper likes to say when nobody speaks. People say it too: a sign only together with others."""
    return re.sub(r"[\W_]+$", "", text.strip().lower()) in _CUSTOMARY


def echoes(text: str, prompt: str) -> bool:
    """The prompt came back as what was heard: each of the text's sentences stands in it, or comes again and again."""
    said = _bare(prompt)
    heard = [bare for each in re.split(r"[.!?…。！？]+", text) if (bare := _bare(each))]
    return len(_bare(text)) > 12 and (_bare(text) in said or all(each in said for each in heard))


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
