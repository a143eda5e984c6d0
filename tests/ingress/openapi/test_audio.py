from __future__ import annotations

from ingress.media.encoding import CONTENT_TYPES as SOUNDS
from ingress.openai.formats import CONTENT_TYPES as TEXTS
from ingress.openapi import audio


def test_every_form_of_an_answer_is_documented() -> None:
    def forms(path: str) -> set[str]:
        return set(audio.PATHS[path]["post"]["responses"]["200"]["content"])

    assert forms("/v1/audio/speech") == {*SOUNDS.values(), "text/event-stream"}
    for path in ("/v1/audio/transcriptions", "/v1/audio/translations"):
        assert forms(path) == {*TEXTS.values(), "text/event-stream"}
