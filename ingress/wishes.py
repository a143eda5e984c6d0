"""What a client asks of a session, from its `session.start` and every `session.update`. PURE.

Fields that a client leaves out have their defaults, or stay as they are. Where `between` names two languages, each goes
into the other: they are the targets, and the source is detected.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from wire.errors import LanguageUnsupported, ProtocolViolation
from wire.messages import AUTO
from wire.options import Glossary, Options
from wire.protocol import StartRequest, UpdateRequest

MAX_TARGETS = 16
MAX_WORDS, MAX_TERMS = 100, 200
MAX_TERM_CHARACTERS = 80
EXTRAS = ("captions", "live", "between", "words", "boundaries", "glossary")
LANGUAGE = re.compile(r"[a-z]{2,3}")


class Wishes(msgspec.Struct, frozen=True):
    """Languages are ISO 639-1 codes. `speech`: the targets are to be spoken, all or those in `options.spoken`."""

    source: str = AUTO
    targets: list[str] = []
    speech: bool = False
    options: Options = Options()


def asked(request: StartRequest) -> Wishes:
    """Raises LanguageUnsupported, ProtocolViolation (target_equals_source, bad_field)."""
    fields = {name: getattr(request, name) for name in EXTRAS}
    return _made(request.source, request.targets, request.speech, Options(), fields)


def changed(wishes: Wishes, request: UpdateRequest) -> Wishes:
    """Raises as `asked` does."""
    fields = {name: value for name in EXTRAS if (value := getattr(request, name)) is not None}
    source, targets, options = wishes.source, wishes.targets, wishes.options
    if request.between is not None and request.between != options.between:
        source, targets = AUTO, []
    source = source if request.source is None else request.source
    targets = targets if request.targets is None else request.targets
    speech: bool | list[str] = wishes.speech if options.spoken is None else options.spoken
    kept = fields.get("between", options.between) or targets
    if isinstance(speech, list):
        speech = [each for each in speech if each in kept]
    return _made(
        source,
        targets,
        speech if request.speech is None else request.speech,
        msgspec.structs.replace(options, live=[each for each in options.live if each in kept]),
        fields,
    )


def _made(
    source: str, targets: list[str], speech: bool | list[str], options: Options, fields: dict[str, Any]
) -> Wishes:
    options = msgspec.structs.replace(options, **fields, spoken=None if isinstance(speech, bool) else speech)
    if options.between:
        _check_between(source, targets, options.between)
        targets = options.between
    check_languages(source, targets)
    _check_subset("live", options.live, targets)
    _check_subset("speech", options.spoken or [], targets)
    _check_glossary(options.glossary)
    return Wishes(source, targets, bool(speech), options)


def check_languages(source: str, targets: list[str]) -> None:
    """Whether these can stand together, whoever may serve them.

    Raises LanguageUnsupported for what is no language code, ProtocolViolation (target_equals_source, bad_field) else.
    """
    if len(targets) > MAX_TARGETS:
        raise ProtocolViolation(f"{len(targets)} targets are too many: at most {MAX_TARGETS}", code="bad_field")
    for language in [*([] if source == AUTO else [source]), *targets]:
        if not LANGUAGE.fullmatch(language):
            raise LanguageUnsupported(f"{language[:40]!r} is no language code: send one such as 'en' or 'fr'")
    if source in targets:
        raise ProtocolViolation(f"the target {source!r} is the source language too", code="target_equals_source")
    if len(set(targets)) < len(targets):
        raise ProtocolViolation("a target is named twice", code="bad_field")


def _check_between(source: str, targets: list[str], between: list[str]) -> None:
    if len(set(between)) != 2 or len(between) != 2:
        raise ProtocolViolation("`between` names two different languages, such as ['fr', 'en']", code="bad_field")
    if source != AUTO:
        raise ProtocolViolation("with `between`, `source` is 'auto': either of the two is spoken", code="bad_field")
    if targets and set(targets) != set(between):
        raise ProtocolViolation("with `between`, `targets` are those two languages: leave it out", code="bad_field")


def _check_subset(name: str, wanted: list[str], targets: list[str]) -> None:
    if strangers := [each for each in wanted if each not in targets]:
        raise ProtocolViolation(f"`{name}` names {strangers[0][:40]!r}, which is no target", code="bad_field")


def _check_glossary(glossary: Glossary) -> None:
    if len(glossary.words) > MAX_WORDS or len(glossary.terms) > MAX_TERMS:
        raise ProtocolViolation(f"a glossary has at most {MAX_WORDS} words and {MAX_TERMS} terms", code="bad_field")
    texts = [*glossary.words, *glossary.terms, *(text for each in glossary.terms.values() for text in each.values())]
    for text in texts:
        if not text.strip() or len(text) > MAX_TERM_CHARACTERS:
            raise ProtocolViolation(
                f"a word or term of a glossary has 1 to {MAX_TERM_CHARACTERS} characters", code="bad_field"
            )
