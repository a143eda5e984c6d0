"""The answers, read as the types of OpenAI's own client read them: strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.audio import Transcription, TranscriptionVerbose, Translation, TranslationVerbose
from pydantic import BaseModel

from ingress.openai import formats
from ingress.openai.formats import Format, Granularity, Task
from ingress.openai.transcript import Transcript
from wire.options import Word
from wire.protocol import TranscriptFinal, TranslationFinal

WORDS = [Word("Good", 0.5, 0.8), Word("morning.", 0.8, 1.4)]
BOTH: frozenset[Granularity] = frozenset({"word", "segment"})


def transcript() -> Transcript:
    made = Transcript()
    made.hear(TranscriptFinal(utterance=1, text="Good morning.", language="en", start=0.5, end=1.5, words=WORDS))
    made.hear(TranscriptFinal(utterance=2, text="All's <well> & good.", language="en", start=3661.25, end=3662.75))
    return made


def translation() -> Transcript:
    made = Transcript("en")
    made.hear(TranscriptFinal(utterance=1, text="Bonjour.", language="fr", start=0.5, end=1.5))
    made.hear(TranslationFinal(utterance=1, target="en", text="Good day."))
    return made


def written(format: Format, task: Task = "transcribe", granularities: frozenset[Granularity] = BOTH) -> str:
    return formats.written(format, transcript() if task == "transcribe" else translation(), task, 3663.2, granularities)


def read(kind: type[BaseModel], text: str) -> Any:
    """Raises where a field has another type, or is not in OpenAI's; "task" is sent by their API and not in the type."""
    fields = json.loads(text)
    fields.pop("task", None)
    assert set(fields) <= set(kind.model_fields)
    return kind.model_validate(fields, strict=True)


def test_json() -> None:
    found = read(Transcription, written("json"))
    assert found.text == "Good morning. All's <well> & good."
    assert found.usage.model_dump() == {"type": "duration", "seconds": 3664}
    assert read(Translation, written("json", "translate")).text == "Good day."


def test_text_ends_with_a_line() -> None:
    assert written("text") == "Good morning. All's <well> & good.\n"


def test_verbose_json() -> None:
    text = written("verbose_json")
    assert json.loads(text)["task"] == "transcribe"
    found = read(TranscriptionVerbose, text)
    assert (found.language, found.duration) == ("english", 3663.2)
    assert [(each.word, each.start, each.end) for each in found.words] == [
        ("Good", 0.5, 0.8), ("morning.", 0.8, 1.4),
    ]  # fmt: skip
    first, second = found.segments
    assert (first.id, first.start, first.end, first.seek, first.text) == (0, 0.5, 1.4, 50, " Good morning.")
    assert (second.id, second.start, second.end) == (1, 3661.25, 3662.75)
    assert "".join(each.text for each in found.segments).strip() == found.text
    assert found.usage.seconds == 3664
    assert 0 < first.compression_ratio < 2.4


@pytest.mark.parametrize(
    ("granularities", "there"),
    [({"word"}, (True, False)), ({"segment"}, (False, True)), ({"word", "segment"}, (True, True))],
)
def test_what_is_timed_is_what_was_asked_for(granularities: set[Granularity], there: tuple[bool, bool]) -> None:
    found = read(TranscriptionVerbose, written("verbose_json", granularities=frozenset(granularities)))
    assert (found.words is not None, found.segments is not None) == there


def test_a_verbose_translation() -> None:
    text = written("verbose_json", "translate", frozenset({"segment"}))
    assert json.loads(text)["task"] == "translate"
    found = read(TranslationVerbose, text)
    assert (found.language, found.text) == ("english", "Good day.")
    assert [each.text for each in found.segments] == [" Good day."]


def test_srt_and_vtt_are_subtitles() -> None:
    assert written("srt").startswith("1\n00:00:00,500 --> ")
    assert "\n2\n01:01:01,250 --> 01:01:02,750\nAll's <well> & good.\n\n" in written("srt")
    assert written("vtt").startswith("WEBVTT\n\n00:00:00.500 --> ")
    assert "\nAll's &lt;well&gt; &amp; good.\n\n" in written("vtt")


def test_a_translation_is_shown_while_its_sentence_is_said() -> None:
    made = Transcript("en")
    words = [Word("Bonjour.", 1.0, 2.0), Word("Bonsoir.", 8.0, 9.0)]
    said = TranscriptFinal(utterance=1, text="Bonjour. Bonsoir.", language="fr", start=1.0, end=9.0, words=words)
    made.hear(said)
    made.hear(TranslationFinal(utterance=1, target="en", text="Good morning. Good evening."))
    found = formats.verbose(made, "translate", 10.0, frozenset({"segment"}))
    assert [(each["text"], each["start"]) for each in found["segments"]] == [
        (" Good morning.", 1.0),
        (" Good evening.", 8.0),
    ]
    assert "00:00:08,000 --> " in formats.written("srt", made, "translate", 10.0, frozenset())


def test_silence_is_no_error() -> None:
    found = formats.verbose(Transcript(), "transcribe", 2.0, BOTH)
    assert (found["text"], found["language"], found["words"], found["segments"]) == ("", "", [], [])
    assert formats.written("srt", Transcript(), "transcribe", 2.0, BOTH) == ""
    assert formats.written("text", Transcript(), "transcribe", 2.0, BOTH) == "\n"


def test_tokens_are_estimated_where_a_type_has_no_seconds() -> None:
    from openai.types.audio.transcription_text_done_event import Usage

    found = Usage.model_validate(formats.tokens(2.5, "nine letters"), strict=True)
    assert (found.input_tokens, found.output_tokens, found.total_tokens) == (25, 3, 28)
