from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest

from node_runtime import catalog
from node_runtime.engines.base import Ask, Heard, Samples
from node_runtime.engines.whisper import Whisper
from tests.node_runtime import sounds
from wire.audio import SAMPLE_RATE
from wire.errors import EngineError, ModelMissing

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def base(cache: Path) -> Whisper:
    return Whisper(catalog.asr("base", cache), "cpu", 2, 1)


@pytest.fixture(scope="module")
def tiny(cache: Path) -> Whisper:
    return Whisper(catalog.asr("tiny.en", cache), "cpu", 2, 1)


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def heard(model: Whisper, audio: Samples, source: str = "auto") -> Heard:
    found = model.listen(audio).transcribe(Ask(source))
    assert isinstance(found, Heard), found
    return found


NOTHING = {
    "silence": sounds.silence(3.0),
    "soft white noise": sounds.white(4.0, 0.001),
    "white noise": sounds.white(4.0),
    "pink noise": sounds.pink(6.0),
    "hum": sounds.hum(4.0),
    "chords": sounds.chords(8.0),
    "melody": sounds.melody(8.0),
    "clicks": sounds.clicks(4.0),
    "keyboard": sounds.keyboard(8.0, 0.1),
    "applause": sounds.applause(6.0),
    "breath": sounds.breath(4.0),
    "a breath close by": sounds.breath(2.0, 0.2),
}
NO_WORDS = {"no_speech", "noise", "repetition"}
HOT = ("Dragoman", "Anna")
SAID = "We will meet on Thursday afternoon."


@pytest.mark.parametrize("name", NOTHING)
def test_base_invents_nothing(base: Whisper, name: str) -> None:
    hearing = base.listen(NOTHING[name])
    asks = (Ask(), Ask("en", SAID, hot=HOT), Ask(expected="fr", between=("en", "fr")))
    assert {str(question(ask)) for ask in asks for question in (hearing.transcribe, hearing.sketch)} <= NO_WORDS


@pytest.mark.parametrize("name", NOTHING)
def test_tiny_invents_nothing(tiny: Whisper, name: str) -> None:
    hearing = tiny.listen(NOTHING[name])
    asks = (Ask("en"), Ask("en", SAID, hot=HOT))
    assert {str(question(ask)) for ask in asks for question in (hearing.transcribe, hearing.sketch)} <= NO_WORDS


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Call 555 0123 4567.", r"call \d.*4,?567"),
        ("Anna? Anna!", r"anna\W+anna"),
        ("The number is 1 1 1 1 1 1.", r"(1\W*){6}"),
        ("Mister Smith, Mister Smith.", r"smith.*smith"),
        ("12.", r"12|twelve"),
    ],
)
def test_numbers_and_names_are_kept(base: Whisper, said: str, kept: str) -> None:
    hearing = base.listen(sounds.said(said))
    for found in (hearing.transcribe(Ask("en")), hearing.sketch(Ask("en")), hearing.transcribe(Ask(expected="en"))):
        assert isinstance(found, Heard), found
        assert re.search(kept, found.text.lower()), found.text


@pytest.mark.parametrize("word", ["No.", "Yes.", "Okay.", "Stop!", "Thank you."])
def test_a_short_real_word_survives(base: Whisper, word: str) -> None:
    assert words(heard(base, sounds.said(word), "en").text) == words(word)


def test_speech_in_noise_is_heard(base: Whisper) -> None:
    text = "The committee will meet on Thursday afternoon to discuss the new budget."
    speech = sounds.said(text)
    found = heard(
        base, speech + 0.3 * float(np.sqrt((speech**2).mean())) * sounds.white(len(speech) / SAMPLE_RATE, 1.0)
    )
    assert found.language == "en"
    assert found.language_probability > 0.8
    assert jiwer.wer(words(text), words(found.text)) <= 0.1


def test_less_than_a_tenth_of_a_second_is_too_short(tiny: Whisper) -> None:
    assert tiny.listen(sounds.silence(0.05)).transcribe(Ask("en")) == "too_short"


def test_one_encoding_serves_detection_transcript_and_translation(
    base: Whisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    encode = base.model.encode

    def counted(features: Any) -> Any:
        calls.append(features)
        return encode(features)

    monkeypatch.setattr(base.model, "encode", counted)
    hearing = base.listen(sounds.said("Good morning, everybody."))
    assert isinstance(hearing.transcribe(Ask("auto")), Heard)
    assert "morning" in hearing.in_english("auto").lower()
    assert len(calls) == 1


def test_what_was_encoded_lately_is_not_encoded_again(base: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    speech = sounds.said("Good evening, everybody.")
    base.listen(speech[:16000]).sketch(Ask("en"))
    whole = base.listen(speech).transcribe(Ask(expected="en"))
    monkeypatch.setattr(base.model, "encode", None)
    assert base.listen(speech.copy()).transcribe(Ask(expected="en")) == whole
    assert "evening" in base.listen(speech).in_english("en").lower()
    with pytest.raises(TypeError):  # a sketch is of audio that never comes again
        base.listen(speech[:16000]).sketch(Ask("en"))


def test_a_sketch_is_made_of_what_was_said_so_far(base: Whisper) -> None:
    speech = sounds.said("The committee will meet on Thursday afternoon to discuss the new budget.")
    found = base.listen(speech[: int(2.2 * SAMPLE_RATE)]).sketch(Ask("en", timed=True))
    assert isinstance(found, Heard)
    assert words(found.text).startswith("the committee will meet")
    assert words("".join(f" {word.text}" for word in found.words)) == words(found.text)
    rest = base.listen(speech[int(1.2 * SAMPLE_RATE) :]).sketch(Ask("en", "The committee"))
    assert isinstance(rest, Heard)
    assert words(rest.text).endswith("on thursday afternoon to discuss the new budget")


def test_a_name_from_the_glossary_is_spelled_right(base: Whisper) -> None:
    hearing = base.listen(sounds.said("We deploy Quixplor for Doctor Xiomara on Monday."))
    plain = hearing.transcribe(Ask("en"))
    assert isinstance(plain, Heard)
    assert "Quixplor" not in plain.text
    for found in (
        hearing.transcribe(Ask("en", hot=("Quixplor", "Xiomara"))),
        hearing.sketch(Ask("en", hot=("Quixplor",))),
    ):
        assert isinstance(found, Heard)
        assert "Quixplor" in found.text


def test_names_that_are_not_said_change_nothing(base: Whisper, recordings: Path) -> None:
    absurd = ("Zanzibar", "Schwarzenegger", "mitochondria", "country club", "American Express", "Concord grape")
    for name in ("jfk.flac", "ls_a.flac", "lr_en.wav", "lr_ko.wav"):
        hearing = base.listen(sounds.recorded(recordings / name))
        for question in (hearing.transcribe, hearing.sketch):
            assert question(Ask(hot=absurd)) == question(Ask()), name


def test_a_short_piece_does_not_change_the_language(base: Whisper, recordings: Path) -> None:
    """Pieces that `base` by itself takes for another language, at up to 0.75."""
    pieces = [("fr_intro.mp3", 12.0, 1.0, "fr"), ("lr_es.wav", 1.4, 0.7, "es"), ("zh_mid.wav", 0.7, 0.7, "zh")]
    for name, at, seconds, language in pieces:
        audio = sounds.recorded(recordings / name)[int(at * SAMPLE_RATE) : int((at + seconds) * SAMPLE_RATE)]
        hearing = base.listen(audio)
        assert hearing.language(Ask())[0] != language
        assert hearing.language(Ask(expected=language))[0] == language


def test_a_change_of_language_is_noticed(base: Whisper, recordings: Path) -> None:
    for name, language in (("lr_en.wav", "en"), ("name_fr.wav", "fr"), ("lr_es.wav", "es"), ("lr_ko.wav", "ko")):
        hearing = base.listen(sounds.recorded(recordings / name))
        for expected in {"en", "fr", "de"} - {language}:
            assert hearing.language(Ask(expected=expected))[0] == language
            found, probability = hearing.language(Ask(expected=expected, between=(expected, language)))
            assert found == language
            assert probability > 0.8


def test_audio_of_more_than_a_window_is_heard_to_its_end(tiny: Whisper) -> None:
    story = [
        "We measured the temperature every hour, and by midnight it had fallen below freezing.",
        "My grandmother used to bake bread every Sunday morning, and the whole house smelled wonderful.",
        "The committee will meet on Thursday afternoon to discuss the new budget.",
        "If the weather stays like this, we should leave early and take the coastal road instead.",
        "The software update fixes several problems, but it also changes how passwords are stored.",
        "Could you please tell me how to get to the nearest train station from here?",
        "After the concert, the musicians stayed on stage and talked with the audience.",
    ]
    speech = np.concatenate([sounds.said(sentence) for sentence in story])
    assert len(speech) > 31 * SAMPLE_RATE
    assert jiwer.wer(words(" ".join(story)), words(heard(tiny, speech, "en").text)) < 0.15


def test_a_misleading_prompt_does_no_harm(base: Whisper) -> None:
    prompt = "La réunion commence à neuf heures. " * 4
    assert (
        words(heard(base, sounds.said("Turn on the living room light."), "en").text) == "turn on the living room light"
    )
    found = base.listen(sounds.said("Turn on the living room light.")).transcribe(Ask("en", prompt))
    assert isinstance(found, Heard)
    assert "living room" in found.text
    assert base.listen(sounds.white(2.0)).transcribe(Ask("en", prompt)) in ("no_speech", "noise", "repetition")


def test_an_unknown_language_is_an_error_that_says_so(tiny: Whisper) -> None:
    assert tiny.languages == ["en"]
    assert not tiny.translates
    with pytest.raises(EngineError, match="'fr'"):
        tiny.listen(sounds.silence(1.0)).transcribe(Ask("fr"))


def test_base_knows_its_languages(base: Whisper) -> None:
    assert len(base.languages) == 99
    assert base.translates


def test_a_directory_without_a_tokenizer_is_missing_a_file(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(ModelMissing, match=r"has no config\.json"):
        Whisper(tmp_path, "cpu", 1, 1)


def test_a_truncated_model_cannot_be_loaded(tmp_path: Path, cache: Path) -> None:
    whole = catalog.asr("tiny.en", cache)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    with (whole / "model.bin").open("rb") as file:
        (tmp_path / "model.bin").write_bytes(file.read(1_000_000))
    with pytest.raises(ModelMissing, match="cannot be loaded"):
        Whisper(tmp_path, "cpu", 1, 1)


def test_recordings(base: Whisper, recordings: Path) -> None:
    said = {
        "jfk.flac": "and so my fellow americans ask not what your country can do for you "
        "ask what you can do for your country",
        "ls_a.flac": "concorde returned to its place amidst the tents",
        "lr_en.wav": "turn on the living room light",
        "lr_es.wav": "enciende la luz del salón",
        "lr_ko.wav": "거실 불 켜줘",
        "name_fr.wav": "comment t appelles tu",
    }
    for name, text in said.items():
        assert words(heard(base, sounds.recorded(recordings / name)).text) == text, name


def test_french_recording_cut_at_its_pauses(base: Whisper, recordings: Path) -> None:
    french = (
        "bonjour à tous aujourd hui nous allons parler de traduction automatique en particulier d un modèle qui vous "
        "permet de traduire votre voix en direct du français vers l anglais il garde un flow naturel et transfère "
        "votre voix à travers les langues afin que vous puissiez interagir directement avec votre interlocuteur"
    )
    audio = sounds.recorded(recordings / "fr_intro.mp3")
    cuts = [0.0, 1.8, 5.2, 17.5, len(audio) / SAMPLE_RATE]
    parts = [audio[int(a * SAMPLE_RATE) : int(b * SAMPLE_RATE)] for a, b in pairwise(cuts)]
    found = [heard(base, part) for part in parts]
    assert {each.language for each in found} == {"fr"}
    assert jiwer.wer(french, words(" ".join(each.text for each in found))) <= 0.15
    assert "automatic translation" in base.listen(parts[1]).in_english("fr")


def test_a_piece_of_a_recording_is_heard_to_its_end_over_pauses_and_its_words_leave_them_out(
    base: Whisper, recordings: Path
) -> None:
    """What is said twice in it comes twice, and is not taken for circles."""
    refrain = sounds.recorded(recordings / "jfk.flac")
    pause = sounds.silence(3.0)
    found = base.listen(np.concatenate([refrain, pause, refrain])).transcribe(Ask("en", timed=True))
    assert isinstance(found, Heard)
    said = words("And so my fellow Americans ask not what your country can do for you")
    assert words(found.text).count(said) == 2
    gaps = [after.start - word.end for word, after in pairwise(found.words)]
    assert max(gaps) > 2.5
