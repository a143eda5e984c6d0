"""What is said, and what scripted engines must answer to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.load import scripts
from bench.load.scripts import CHUNK_BYTES, LONGEST_SPREAD_S, VARIANTS, Speech
from ingress.vad import SpeechModel, find_model

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def made() -> Speech:
    whole = scripts.made(1.2)
    return Speech(whole.pieces[:2], whole.texts[:2])


def test_each_variant_says_all_of_it_and_its_answers_are_known(made: Speech, tmp_path: Path) -> None:
    written = scripts.written(tmp_path, made, 7.0, None)
    assert len(written) == VARIANTS == len(list(tmp_path.glob("*.pcm")))
    first = [script.answers[0].start for script in written]
    assert first == sorted(first)
    assert 2.0 < first[-1] - first[0] < LONGEST_SPREAD_S
    for number, script in enumerate(written):
        data = (tmp_path / f"{number}.pcm").read_bytes()
        assert len(data) % CHUNK_BYTES == 0
        assert script.seconds == pytest.approx(len(data) / 32_000)
        assert len(script.answers) == 2
        for answer in script.answers:
            heard = float(answer.text.split()[2])
            assert answer.end - answer.start < heard < answer.end - answer.start + 1.0, "pre-roll and hangover"
    assert 0.3 < scripts.share_of_speech(written) < 0.9


def test_with_real_models_the_words_are_what_counts(made: Speech, tmp_path: Path) -> None:
    written = scripts.written(tmp_path, made, 14.0, 0.2)
    assert written[0].wer == 0.2
    assert written[0].answers == []
    assert written[0].said.startswith(f"{made.texts[0]} {made.texts[1]} {made.texts[0]}")


def test_audio_that_ends_in_the_middle_of_a_word_has_no_answers(made: Speech) -> None:
    piece = made.pieces[0]
    with pytest.raises(ValueError, match="silence"):
        scripts.answers(piece[: len(piece) // 3 // CHUNK_BYTES * CHUNK_BYTES], SpeechModel(find_model()))


def test_pauses_are_no_digital_silence(made: Speech) -> None:
    tail = np.frombuffer(made.pieces[0][-16_000:], "<i2")
    assert np.abs(tail).max() > 0
