"""The network in NumPy is the network in ONNX Runtime, for one stream and for many at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from ingress.silero import FRAME, HIDDEN, SHAPES, Floats, Silero, tensors
from ingress.vad import find_model

pytestmark = pytest.mark.models

ZERO = np.zeros(HIDDEN, np.float32)


@pytest.fixture(scope="module")
def network() -> Silero:
    return Silero(find_model())


def frames(count: int, seed: int = 1) -> Floats:
    """Something between noise and a voice: a tone that comes and goes."""
    time = np.arange(count * FRAME) / 16_000
    tone = np.sin(2 * np.pi * 150 * time) + 0.5 * np.sin(2 * np.pi * 300 * time)
    audio = 0.2 * tone * (1 + np.sin(2 * np.pi * 4 * time)) + np.random.default_rng(seed).normal(0, 0.01, len(time))
    found: Floats = audio.reshape(count, FRAME).astype(np.float32)
    return found


def test_it_is_what_onnx_runtime_computes(network: Silero) -> None:
    session = onnxruntime.InferenceSession(str(find_model()), providers=["CPUExecutionProvider"])
    state = np.zeros((1, 1, HIDDEN), np.float32)
    theirs, h, c = session.run(None, {"input": frames(300), "h": state, "c": state})
    ((mine, my_h, my_c),) = network.run([(frames(300), ZERO, ZERO)])
    np.testing.assert_allclose(mine, theirs.reshape(-1), atol=2e-5)
    np.testing.assert_allclose(my_h, h.reshape(-1), atol=2e-5)
    np.testing.assert_allclose(my_c, c.reshape(-1), atol=2e-4)
    assert mine.max() - mine.min() > 0.05


def test_many_streams_at_once_are_each_what_they_are_alone(network: Silero) -> None:
    streams = [(frames(count, seed=count), ZERO, ZERO) for count in (3, 1, 4, 1, 5, 3)]
    together = network.run(streams)
    for stream, found in zip(streams, together, strict=True):
        (alone,) = network.run([stream])
        for one, other in zip(alone, found, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_state_goes_from_one_call_to_the_next(network: Silero) -> None:
    whole = frames(12)
    ((expected, _, _),) = network.run([(whole, ZERO, ZERO)])
    h, c, pieces = ZERO, ZERO, []
    for piece in np.split(whole, [1, 5, 7]):
        ((found, h, c),) = network.run([(piece, h, c)])
        pieces.append(found)
    np.testing.assert_allclose(np.concatenate(pieces), expected, atol=1e-5)


def test_what_is_given_is_not_written_to(network: Silero) -> None:
    given = frames(3)
    before = given.copy()
    network.run([(given, ZERO, ZERO), (given, ZERO, ZERO)])
    assert (given == before).all()
    assert not ZERO.any()


def test_the_file_has_these_weights(tmp_path: Path) -> None:
    data = find_model().read_bytes()
    assert [tensor.shape for tensor in tensors(data)][:1] == [SHAPES[0]]
    for wrong in (b"", b"not a model", data[: len(data) // 2]):
        (path := tmp_path / "model.onnx").write_bytes(wrong)
        with pytest.raises(ValueError, match=r"protobuf|weights"):
            Silero(path)
