"""Speech by Piper (https://github.com/OHF-Voice/piper1-gpl), a VITS voice in ONNX, piece by piece.

A voice makes a whole piece before the first of it can be heard. So `speak` is a generator: while one sentence is on its
way to the listener, the next is being made, and of a long first sentence the beginning is made by itself.

How fast a voice can be: told to be twice as fast it is 1.6 times as fast, and 1.7 times at 2.5; told 4, it is no more
than twice as fast and swallows words (of 57 that Whisper should have heard again it missed 2 at 1 and 2, 5 at 2.5 and
9 at 4). So it is told no more than FASTEST. Slowness costs no words, down to a quarter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from node_runtime.engines import sentences
from node_runtime.engines.base import Sound
from wire.errors import ModelMissing

FASTEST = 2.5


class Piper:
    """The voice in the file `path` (.onnx), with its description beside it (.onnx.json).

    Raises ModelMissing where either is missing or broken.
    """

    def __init__(self, name: str, path: Path, device: str, threads: int) -> None:
        import onnxruntime
        from piper import PiperVoice
        from piper.config import PhonemeType, PiperConfig, SynthesisConfig

        described = path.with_name(path.name + ".json")
        for each in (path, described):
            if not each.is_file():
                raise ModelMissing(f"the voice {name} has no file {each}: a Piper voice is an .onnx and an .onnx.json")
        try:
            description = json.loads(described.read_text(encoding="utf-8"))
            config = PiperConfig.from_dict(description)
        except (OSError, ValueError, KeyError) as error:
            raise ModelMissing(f"the voice {name}: {described} cannot be read: {error!r}") from error
        if config.phoneme_type not in (PhonemeType.ESPEAK, PhonemeType.TEXT):
            raise ModelMissing(
                f"the voice {name} needs {config.phoneme_type.value}: only eSpeak's phonemes are built in"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A thread that waits by spinning takes the core that others need; without it nothing was slower.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        wanted = ["CUDAExecutionProvider"] if device == "cuda" else []
        present = [each for each in wanted if each in onnxruntime.get_available_providers()]
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=[*present, "CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own errors share no base but this
            raise ModelMissing(f"the voice {name}: {path} cannot be loaded: {error}") from error
        self.name = name
        self.language = language_of(description)
        self._voice: Any = PiperVoice(session=session, config=config)
        self._said_in = SynthesisConfig

    def speak(self, text: str) -> Iterator[Sound]:
        return self.speak_at(1.0, text)

    def speak_at(self, pace: float, text: str) -> Iterator[Sound]:
        length = self._said_in(length_scale=self._voice.config.length_scale / min(pace, FASTEST))
        for piece in sentences.pieces(sayable(text)):
            for sound in self._voice.synthesize(piece, length):
                if len(sound.audio_float_array):
                    yield Sound(sound.sample_rate, sound.audio_int16_bytes)


def language_of(description: dict[str, Any]) -> str:
    """ISO 639-1 of a voice, from its description ("en_US", or eSpeak's "en-us")."""
    language = description.get("language", {})
    code = language.get("family") or language.get("code") or description["espeak"]["voice"]
    return str(code).replace("_", "-").split("-")[0].lower()


def sayable(text: str) -> str:
    """Piper reads `[[…]]` as phonemes: what people said never is."""
    return text.replace("[[", "[ [").strip()
