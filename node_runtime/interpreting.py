"""What was said, in other languages: whom to ask, how often, and with which words fixed.

Each target goes to the first interpreter that serves it, and one that can take many is asked once for all of its
targets. Where none serves English, the ear puts the audio into it, if it can. What fails for one target fails for it
alone: a batch that breaks is asked again one by one.

A text with terms of the glossary (node_runtime.engines.glossary) goes sentence by sentence: a first call with
placeholders, and only for sentences whose placeholders did not come back a second, with the bare sentence and its
parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from node_runtime.engines import glossary, sentences
from node_runtime.engines.base import Engines, Hearing, Interpreter, Polyglot, Wanted
from node_runtime.engines.glossary import Term
from wire.errors import EngineError, LanguageUnsupported
from wire.log import get
from wire.options import Glossary

log = get(__name__)

Outcome = str | Exception
"""A translation, or why there is none."""


class Said(NamedTuple):
    """`hearing` is asked for English where no interpreter serves it; None where there is no audio to ask about."""

    text: str
    language: str
    hearing: Hearing | None


def translations(
    engines: Engines, said: Said, targets: Sequence[str], fixed: Glossary
) -> Iterator[tuple[str, Outcome]]:
    """(target, outcome) for each of `targets`, as they come. None of them may be `said.language`."""
    left = list(targets)
    while left:
        interpreter = engines.interpreter(said.language, left[0])
        asked = left[:1]
        if isinstance(interpreter, Polyglot):
            asked = [each for each in left if engines.interpreter(said.language, each) is interpreter]
        left = [each for each in left if each not in asked]
        found = (
            _from_audio(engines, said, asked[0], fixed)
            if interpreter is None
            else _interpreted(interpreter, said, asked, fixed)
        )
        for target, outcome in found:
            empty = EngineError("the translation of what was said came out empty", retryable=False)
            yield target, outcome or empty


def _from_audio(engines: Engines, said: Said, target: str, fixed: Glossary) -> Iterator[tuple[str, Outcome]]:
    if target != "en" or not engines.ear.translates or said.hearing is None:
        yield target, LanguageUnsupported(f"no model here translates {said.language!r} into {target!r}")
        return
    try:
        english = said.hearing.in_english(said.language)
    except Exception as error:  # noqa: BLE001 - whatever a model raises
        yield target, error
        return
    yield target, english and glossary.appended(english, glossary.terms_in(said.text, fixed, target))


def _interpreted(
    interpreter: Interpreter, said: Said, targets: Sequence[str], fixed: Glossary
) -> Iterator[tuple[str, Outcome]]:
    try:
        found = _translated(interpreter, said, targets, fixed)
    except Exception as error:  # noqa: BLE001 - whatever a model raises
        if len(targets) == 1:
            yield targets[0], error
            return
        log.warning("a batch of translations failed: one by one", targets=len(targets), error=type(error).__name__)
        for target in targets:
            yield from _interpreted(interpreter, said, [target], fixed)
    else:
        yield from found.items()


# --- fixed renderings -------------------------------------------------------------------------------------------------


class Sentence(NamedTuple):
    text: str
    terms: list[Term]


def _drafted(text: str, target: str, fixed: Glossary) -> list[Sentence]:
    """The whole text, or its sentences where it has terms to be fixed."""
    if not glossary.terms_in(text, fixed, target):
        return [Sentence(text, [])]
    return [Sentence(each, glossary.terms_in(each, fixed, target)) for each in sentences.split(text)]


def _translated(interpreter: Interpreter, said: Said, targets: Sequence[str], fixed: Glossary) -> dict[str, str]:
    drafts = {target: _drafted(said.text, target, fixed) for target in targets}
    rows = [(target, sentence) for target, draft in drafts.items() for sentence in draft]
    wanted = [Wanted(glossary.masked(sentence.text, sentence.terms), target) for target, sentence in rows]
    done = _asked(interpreter, said.language, wanted)
    unmasked = [glossary.unmasked(text, row[1].terms) for text, row in zip(done, rows, strict=True)]
    lost = [row for row, text in zip(rows, unmasked, strict=True) if text is None]
    mended = _mended(interpreter, said.language, lost)
    whole = iter([next(mended) if text is None else text for text in unmasked])
    return {target: sentences.join([next(whole) for _ in draft], target) for target, draft in drafts.items()}


def _mended(interpreter: Interpreter, source: str, lost: Sequence[tuple[str, Sentence]]) -> Iterator[str]:
    """Sentences whose placeholders did not come back."""
    cut = [glossary.between(sentence.text, sentence.terms) for _, sentence in lost]
    wanted = [
        Wanted(text, target)
        for (target, sentence), parts in zip(lost, cut, strict=True)
        for text in (sentence.text, *filter(_worded, parts))
    ]
    done = iter(_asked(interpreter, source, wanted))
    for (target, sentence), parts in zip(lost, cut, strict=True):
        bare = next(done)
        translated = [glossary.ended_like(part, next(done)) if _worded(part) else part for part in parts]
        space = "" if target in sentences.UNSPACED else " "
        yield glossary.replaced(bare, sentence.terms) or glossary.put_together(translated, sentence.terms, space)


def _worded(text: str) -> bool:
    return any(map(str.isalnum, text))


def _asked(interpreter: Interpreter, source: str, wanted: Sequence[Wanted]) -> list[str]:
    """In one call where it can be."""
    if isinstance(interpreter, Polyglot):
        return interpreter.translate_many(wanted, source)
    return [interpreter.translate(each.text, source, each.target) for each in wanted]
