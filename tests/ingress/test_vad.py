from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ingress.silero import Floats
from ingress.vad import MAX_FRAMES, SpeechMeter, SpeechModel, find_model
from wire.audio import FRAME_SAMPLES
from wire.errors import ModelMissing

Samples = npt.NDArray[np.int16]

pytestmark = pytest.mark.models


def noise(seconds: float, level: float) -> Samples:
    random = np.random.default_rng(1)
    return (random.standard_normal(int(16_000 * seconds)) * level * 32_767).clip(-32_768, 32_767).astype(np.int16)


def test_pieces_of_any_length_give_what_the_whole_gives(spoken: Samples, model: SpeechModel) -> None:
    whole = SpeechMeter(model).probabilities(spoken)
    assert len(whole) == len(spoken) // FRAME_SAMPLES
    random = np.random.default_rng(2)
    for longest in (300, 1600, 20_000):
        meter = SpeechMeter(model)
        cuts = np.cumsum(random.integers(0, longest, 4 * len(spoken) // longest + 1))
        pieces = [meter.probabilities(piece) for piece in np.split(spoken, cuts[cuts < len(spoken)])]
        np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-4)


def test_it_is_what_faster_whisper_computes(spoken: Samples, model: SpeechModel) -> None:
    from faster_whisper.vad import get_vad_model

    frames = len(spoken) // FRAME_SAMPLES
    audio = spoken[: frames * FRAME_SAMPLES].astype(np.float32) / 32_768
    theirs = get_vad_model()(audio.copy()).reshape(-1)
    mine = SpeechMeter(model).probabilities(spoken)
    np.testing.assert_allclose(mine[:-1], theirs[:-1], atol=1e-4)  # it blanks the end of the last frame


def test_speech_is_told_from_silence_and_noise(spoken: Samples, model: SpeechModel) -> None:
    found = SpeechMeter(model).probabilities(spoken)
    inside = found[35:-35]
    assert (inside > 0.5).mean() > 0.75
    assert found[:25].max() < 0.2
    assert found[-15:].max() < 0.2
    for level in (0.001, 0.02, 0.2):
        assert SpeechMeter(model).probabilities(noise(5, level)).max() < 0.5, level
    assert SpeechMeter(model).probabilities(np.zeros(80_000, np.int16)).max() < 0.1


def test_real_speech_is_found(recordings: Path, model: SpeechModel) -> None:
    from faster_whisper.audio import decode_audio

    audio = (decode_audio(str(recordings / "ls_a.flac")) * 32_767).astype(np.int16)
    assert (SpeechMeter(model).probabilities(audio) > 0.5).mean() > 0.5


def test_speech_is_found_after_a_long_silence(spoken: Samples, model: SpeechModel) -> None:
    meter = SpeechMeter(model)
    meter.probabilities(np.zeros(16_000 * 60, np.int16))
    assert (meter.probabilities(spoken)[35:-35] > 0.5).mean() > 0.75


def test_bytes_are_rounded_probabilities(spoken: Samples, model: SpeechModel) -> None:
    measured = SpeechMeter(model).measure(spoken)
    expected = SpeechMeter(model).probabilities(spoken) * 255
    assert len(measured) == len(expected)
    assert np.abs(np.frombuffer(measured, np.uint8) - expected).max() <= 0.51


def test_less_than_a_frame_gives_nothing_yet(model: SpeechModel) -> None:
    meter = SpeechMeter(model)
    half = np.zeros(FRAME_SAMPLES // 2, np.int16)
    assert [len(meter.measure(half)) for _ in range(5)] == [0, 1, 0, 1, 0]


def test_a_missing_or_broken_model_names_the_mend(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="pip install"):
        find_model("no_such_package_as_this")
    with pytest.raises(ModelMissing, match="pip install"):
        find_model("wire")
    (broken := tmp_path / "broken.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelMissing, match="install faster-whisper"):
        SpeechModel(broken)


async def test_streams_of_one_turn_are_measured_together(
    spoken: Samples, model: SpeechModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = SpeechMeter(model).measure(spoken)
    runs, compute = list[int](), model.run

    def counted(streams: list[tuple[Floats, Floats, Floats]]) -> list[tuple[Floats, Floats, Floats]]:
        runs.append(len(streams))
        return compute(streams)

    monkeypatch.setattr(model, "run", counted)
    meters, found = [SpeechMeter(model) for _ in range(150)], [b""] * 150
    chunks = [spoken[at : at + 1600] for at in range(0, len(spoken), 1600)]
    for chunk in chunks[:30]:
        for number, measured in enumerate(await asyncio.gather(*(meter.measured(chunk) for meter in meters))):
            found[number] += measured
    assert len({*found}) == 1 or max(np.ptp([list(each) for each in found], axis=0)) <= 1, "it rounds"
    early = np.frombuffer(found[0], np.uint8).astype(int) - np.frombuffer(expected[: len(found[0])], np.uint8)
    assert np.abs(early).max() <= 1
    assert max(runs) >= 20, "all that fit"
    assert max(runs) * 3 <= MAX_FRAMES
    assert sum(runs) == 150 * 30


async def test_what_fails_is_told_to_all_who_wait(
    spoken: Samples, model: SpeechModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(streams: object) -> None:
        raise MemoryError

    seen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: seen.append(context["exception"]))
    with monkeypatch.context() as patch:
        patch.setattr(model, "run", failing)
        found = await asyncio.gather(
            *(SpeechMeter(model).measured(spoken[:1600]) for _ in range(2)), return_exceptions=True
        )
    assert [type(each) for each in (*found, *seen)] == [MemoryError] * 3
    assert len(await SpeechMeter(model).measured(spoken[:1600])) == 3


async def test_a_stream_that_has_gone_holds_nobody_up(spoken: Samples, model: SpeechModel) -> None:
    gone = asyncio.create_task(SpeechMeter(model).measured(spoken[:1600]))
    await asyncio.wait({gone}, timeout=0)
    gone.cancel()
    assert len(await SpeechMeter(model).measured(spoken[:1600])) == 3
    assert await SpeechMeter(model).measured(spoken[:100]) == b""


def test_the_ingress_loads_no_model_runtime() -> None:
    code = (
        "import sys, ingress.main; from ingress.vad import *; SpeechModel(find_model());"
        "others = ('faster_whisper', 'ctranslate2', 'onnxruntime', 'av', 'piper', 'actors', 'node_runtime');"
        "print([name for name in others if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
