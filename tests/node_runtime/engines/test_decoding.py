from __future__ import annotations

from pathlib import Path

import pytest

from node_runtime import catalog
from node_runtime.engines.base import Ask, Heard
from node_runtime.engines.decoding import MAX_HOT_TOKENS, MAX_PROMPT_TOKENS, Decoder, Opening, fuller
from node_runtime.engines.guards import Evidence
from node_runtime.engines.whisper import Whisper
from tests.node_runtime import sounds
from wire.audio import SAMPLE_RATE
from wire.errors import EngineError

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def base(cache: Path) -> Whisper:
    return Whisper(catalog.asr("base", cache), "cpu", 2, 1)


def test_an_opening_names_what_may_be_said_and_then_what_was(base: Whisper) -> None:
    decoder = Decoder(base, "en", "transcribe")
    opening = decoder.opening(("Anna", "Dragoman"), "We meet at nine.")
    assert base.model.hf_tokenizer.decode(list(opening.tokens)) == " Anna, Dragoman. We meet at nine."
    assert opening.text == "Anna Dragoman We meet at nine."
    assert decoder.opening((), " ") == Opening()


def test_an_opening_has_its_limits(base: Whisper) -> None:
    decoder = Decoder(base, "en", "transcribe")
    names = tuple(f"Quetzalcoatl {number}" for number in range(100))
    story = " ".join(f"This is sentence number {number}." for number in range(100))
    named, both = decoder.opening(names, ""), decoder.opening(names, story)
    assert MAX_HOT_TOKENS - 15 < len(named.tokens) <= MAX_HOT_TOKENS
    assert named.text.startswith("Quetzalcoatl 0 Quetzalcoatl 1")
    assert len(both.tokens) == MAX_PROMPT_TOKENS
    assert both.tokens[: len(named.tokens)] == named.tokens
    assert base.model.hf_tokenizer.decode(list(both.tokens)).endswith("number 99.")


def test_a_language_that_the_model_does_not_know_is_an_error(base: Whisper) -> None:
    with pytest.raises(EngineError, match="'xx'"):
        Decoder(base, "xx", "transcribe")


def test_words_have_times(base: Whisper, recordings: Path) -> None:
    audio = sounds.recorded(recordings / "jfk.flac")
    found = base.listen(audio).transcribe(Ask("en", timed=True))
    assert isinstance(found, Heard)
    assert " ".join(word.text for word in found.words) == found.text
    times = [time for word in found.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[-1] <= len(audio) / SAMPLE_RATE
    at = {word.text.strip(".,"): word.start for word in found.words}
    assert at["Americans"] == pytest.approx(1.6, abs=0.3)  # heard with one's own ears
    assert at["country"] == pytest.approx(9.6, abs=0.6)


def test_words_of_french_and_chinese_have_times(base: Whisper, recordings: Path) -> None:
    french = base.listen(sounds.recorded(recordings / "fr_intro.mp3")[: int(5.2 * SAMPLE_RATE)])
    found = french.transcribe(Ask("fr", timed=True))
    assert isinstance(found, Heard)
    assert [word.text for word in found.words] == found.text.split()
    chinese = base.listen(sounds.recorded(recordings / "zh_mid.wav")).transcribe(Ask("zh", timed=True))
    assert isinstance(chinese, Heard)
    assert "".join(word.text for word in chinese.words) == chinese.text
    assert len(chinese.words) > 10


def test_the_fuller_of_two_decodings() -> None:
    short = Evidence("end of it", 12.0, 0.05, -0.3)
    assert fuller(short, Evidence("the beginning and the end of it", 12.0, 0.05, -0.4)).text.startswith("the beginning")
    assert fuller(short, Evidence("the beginning and the end of it", 12.0, 0.05, -1.4)) is short
    assert fuller(short, Evidence("and so " * 30, 12.0, 0.05, -0.1)) is short
    assert fuller(short, Evidence("the end of it", 12.0, 0.05, -0.1)) is not short
    assert fuller(short, Evidence("end of it.", 12.0, 0.05, -0.1)) is short
