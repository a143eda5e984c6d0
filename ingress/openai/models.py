"""Which models and voices there are, by the names that clients know. PURE.

Nodes say in their heartbeats what they have loaded; these names can be used, and so can OpenAI's, which mean whatever
is there. A job goes to any node of the pool, so that a name which only some of them have chooses nothing: that is
refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ingress.openai.refusals import Refused, unsupported
from wire.errors import NoNode
from wire.records import NodeRecord

HEARING = ("whisper-1", "gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe",
           "gpt-4o-mini-transcribe-2025-12-15")  # fmt: skip
SPEAKING = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")
TELLING_APART = "gpt-4o-transcribe-diarize"
VOICES = ("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer",
          "verse")  # fmt: skip
"""OpenAI's names for voices: any of them is the voice that is here."""

USUAL_LANGUAGE = "en"


def name_of(model: str) -> str:
    """What clients call it: where a node has it on its disk is nobody's business."""
    return model.rstrip("/").rsplit("/", 1)[-1] if model[:1] in ("/", "~", ".") else model


def offered(nodes: Sequence[NodeRecord]) -> list[str]:
    """All names that can be used now, sorted."""
    heard = {name_of(model) for node in nodes for model in node.models}
    spoken = {name_of(voice) for node in nodes for voice in node.voices.values()}
    aliases = (*(HEARING if nodes else ()), *(SPEAKING if spoken else ()))
    return sorted({*heard, *spoken, *aliases})


def described(name: str) -> dict[str, Any]:
    """As OpenAI's API does. When a model was made is not known."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "dragoman"}


def unknown(model: str) -> Refused:
    return Refused(
        f"there is no model {model[:100]!r} here: GET /v1/models says which there are",
        param="model", code="model_not_found", status=404,
    )  # fmt: skip


def check_hears(model: str, nodes: Sequence[NodeRecord]) -> None:
    """Whether recordings can be heard with this model. Raises Refused, NoNode."""
    if model == TELLING_APART:
        raise unsupported("model", f"who speaks is not told apart here: there is no {model}")
    if model in SPEAKING:
        raise Refused(f"{model} speaks: to transcribe, name 'whisper-1'", param="model")
    _check_there(nodes)
    if model in HEARING:
        return
    if not any(model in _ears(node) for node in nodes):
        raise unknown(model)
    if not all(model in _ears(node) for node in nodes):
        raise unsupported(
            "model", f"some nodes have {model[:100]!r} and others have not: name 'whisper-1' for any of them"
        )


def _ears(node: NodeRecord) -> set[str]:
    return {name_of(model) for model in node.models} - {name_of(voice) for voice in node.voices.values()}


def language_of(model: str, voice: str, nodes: Sequence[NodeRecord]) -> str:
    """The language of the voice that is meant. Raises Refused, NoNode."""
    if model in HEARING or model == TELLING_APART:
        raise Refused(f"{model} transcribes: to speak, name 'tts-1'", param="model")
    _check_there(nodes)
    there = _voices(nodes)
    if not there:
        raise NoNode("no node has a voice")
    named = {name_of(each) for voices in there.values() for each in voices}
    if model not in (*SPEAKING, *named):
        raise unknown(model)
    if voice not in (*VOICES, *named):
        raise Refused(f"there is no voice {voice[:100]!r} here; there are: {', '.join(sorted(named))}", param="voice")
    if model in named and voice in named and model != voice:
        raise Refused(f"`model` and `voice` name two voices, {model!r} and {voice!r}: name one", param="voice")
    if wanted := next((each for each in (voice, model) if each in named), None):
        return _language(wanted, there)
    return USUAL_LANGUAGE if USUAL_LANGUAGE in there else min(there)


def _language(voice: str, there: dict[str, set[str]]) -> str:
    found = [language for language, voices in sorted(there.items()) if voice in voices]
    if not (alone := [language for language in found if len(there[language]) == 1]):
        others = ", ".join(sorted(there[found[0]]))
        raise unsupported(
            "voice", f"nodes have several voices for {found[0]!r} ({others}), and any may speak: name 'alloy' for any"
        )
    return alone[0]


def _voices(nodes: Sequence[NodeRecord]) -> dict[str, set[str]]:
    there: dict[str, set[str]] = {}
    for node in nodes:
        for language, voice in node.voices.items():
            there.setdefault(language, set()).add(name_of(voice))
    return there


def _check_there(nodes: Sequence[NodeRecord]) -> None:
    if not nodes:
        raise NoNode("no node is ready: try again when one is")
