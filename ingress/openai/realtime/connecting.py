"""PURE. What a client says of itself by the way it connects: which session, in which dialect, as its key allows.

A client secret may carry the configuration with which its sessions begin: `kept` and `brought` are the two ends of
that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ingress.openai.realtime.configuration import MODEL, Configuration
from ingress.openai.realtime.interpreting import Interpreting
from ingress.openai.realtime.story import Dialect
from ingress.openai.refusals import Refused, unsupported

PROTOCOL = "realtime"
OLD_PROTOCOL = "openai-beta.realtime-v1"
OLD_HEADER = "realtime=v1"

Kept = Configuration | Interpreting

_kept = msgspec.json.Decoder(Kept)


def kept(configuration: Kept) -> str:
    """As text, for the key."""
    return msgspec.json.encode(configuration).decode()


def brought(text: str) -> Kept | None:
    """By the key; None: it carries none."""
    return _kept.decode(text) if text else None


def dialect(headers: Iterable[str], protocols: Iterable[str]) -> Dialect:
    """`headers`: values of `OpenAI-Beta`; `protocols`: values of `Sec-WebSocket-Protocol`."""
    offered = {each.strip() for header in protocols for each in header.split(",")}
    named = {each.strip() for header in headers for each in header.split(",")}
    return "beta" if OLD_HEADER in named or OLD_PROTOCOL in offered else "ga"


def transcription(query: Mapping[str, str], given: Kept | None) -> Configuration:
    """With which a session begins that is asked for by `GET /v1/realtime`. Raises Refused."""
    if "call_id" in query:
        raise unsupported("call_id", "there are no calls here: leave `call_id` out")
    if isinstance(given, Interpreting):
        raise Refused("this client secret is for translations: connect to /v1/realtime/translations")
    intent, model = query.get("intent", ""), query.get("model", "")
    if intent not in ("", "transcription"):
        raise unsupported("intent", f"`intent` is {intent[:80]!r}: it is 'transcription'")
    if given is not None:
        return given
    if not intent and not model:
        raise Refused(
            "what the session is for is missing: connect with ?intent=transcription",
            param="intent",
            code="missing_required_parameter",
        )
    if not intent and _converses(model):
        raise unsupported(
            "model",
            f"{model[:80]!r} converses, and there is no model here that does: connect with ?intent=transcription, or "
            "to /v1/realtime/translations",
        )
    return Configuration(model=MODEL if not model or _converses(model) else model)


def translation(query: Mapping[str, str], given: Kept | None) -> Interpreting:
    """The same for `GET /v1/realtime/translations`. Raises Refused."""
    if isinstance(given, Configuration):
        raise Refused("this client secret is for transcriptions: connect to /v1/realtime?intent=transcription")
    if given is not None:
        return given
    model = query.get("model", "")
    return Interpreting(model=model) if model else Interpreting()


def _converses(model: str) -> bool:
    """By its name: gpt-realtime, gpt-4o-realtime-preview, gpt-audio and so on, and what translates only elsewhere."""
    heard = any(word in model for word in ("whisper", "transcribe"))
    return not heard and any(word in model for word in ("realtime", "gpt-audio"))
