"""Fixed renderings: a term that was said has, in a translation, the words that its glossary gives it. PURE.

A model knows nothing of glossaries, so a term is taken out of its hands, in the first of these ways that works:

    masked      a placeholder stands for the term while the text is translated, then the rendering for the placeholder
    replaced    the model left the term as it was, or nearly: the rendering takes its place
    cut         the text before and after is translated by itself, with the rendering between

Terms are found as whole words in any case; in scripts that put no space between words, wherever they stand. Of terms
that overlap the longer one counts.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

from wire.options import Glossary

LIKE = 0.75
"""How alike (difflib's ratio) two words are to be the same name, heard or spelled otherwise."""

_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Thai, Lao, Burmese, Khmer, kana, Han."""

_STOPS = r"[.!?…。！？]+$"


class Term(NamedTuple):
    """A term at `start`..`end` of a text, as it was `said`, and what stands for it in the translation."""

    start: int
    end: int
    said: str
    rendering: str


def placeholder(number: int) -> str:
    """From 1 on. It looks like a product's name, which models copy, and is none."""
    return f"XQ{number}"


def terms_in(text: str, glossary: Glossary, target: str) -> list[Term]:
    """The terms of `text` that have a rendering in `target`, in order, none overlapping."""
    found: list[Term] = []
    for term in sorted(glossary.terms, key=len, reverse=True):
        rendering = glossary.terms[term].get(target, "").strip()
        if not term.strip() or not rendering:
            continue
        for match in _pattern(term).finditer(text):
            if all(match.end() <= other.start or other.end <= match.start() for other in found):
                found.append(Term(*match.span(), match.group(), rendering))
    return sorted(found)


def mentions(text: str, words: Sequence[str]) -> bool:
    """Whether any of `words` stands in it."""
    return any(_pattern(word).search(text) for word in words if word.strip())


def masked(text: str, terms: Sequence[Term]) -> str:
    """With a placeholder for each term."""
    return _with(text, terms, [placeholder(number) for number in range(1, len(terms) + 1)])


def unmasked(translation: str, terms: Sequence[Term]) -> str | None:
    """With its rendering for each placeholder; None where the model lost, repeated or bent one."""
    for number, term in enumerate(terms, 1):
        pattern = re.compile(rf"(?<![^\W{_UNSPACED}]){placeholder(number)}(?!\d)", re.IGNORECASE)
        if len(pattern.findall(translation)) != 1:
            return None
        translation = pattern.sub(lambda _, term=term: term.rendering, translation)  # type: ignore[misc]
    return translation


def replaced(translation: str, terms: Sequence[Term]) -> str | None:
    """A translation of the bare text, with each rendering in place of what is left of its term, or of a word that is
    like either. None where a term has left no trace."""
    for term in terms:
        if span := _trace(translation, term):
            translation = translation[: span[0]] + term.rendering + translation[span[1] :]
        else:
            return None
    return translation


def between(text: str, terms: Sequence[Term]) -> list[str]:
    """What stands before, between and after the terms: one more than there are terms; some may be empty."""
    starts = [0, *(term.end for term in terms)]
    ends = [*(term.start for term in terms), len(text)]
    return [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]


def ended_like(part: str, translation: str) -> str:
    """A model ends even half a sentence with a full stop: not where `part` has none."""
    return translation if re.search(_STOPS, part) else re.sub(_STOPS, "", translation)


def put_together(parts: Sequence[str], terms: Sequence[Term], space: str) -> str:
    """`parts` are translations of what `between` gave; `space` is what the target puts between words."""
    made = parts[0]
    for term, part in zip(terms, parts[1:], strict=True):
        made += (space if made else "") + term.rendering
        made += (space if part and not re.match(r"[\s.,;:!?…。，；：！？、)]", part) else "") + part
    return made


def appended(translation: str, terms: Sequence[Term]) -> str:
    """Where nothing else is left: the renderings that are missing, in brackets after the text."""
    for term in terms:
        found = replaced(translation, [term])
        translation = f"{translation} ({term.rendering})" if found is None else found
    return translation


def _pattern(term: str) -> re.Pattern[str]:
    """Letters at its ends may not go on, unless they are of a script without spaces."""
    words = r"\s+".join(map(re.escape, term.split()))
    inside = rf"[^\W{_UNSPACED}]"
    first = rf"(?<!{inside})" if re.match(inside, term.strip()) else ""
    last = rf"(?!{inside})" if re.match(inside, term.strip()[-1]) else ""
    return re.compile(first + words + last, re.IGNORECASE)


def _with(text: str, terms: Sequence[Term], instead: Sequence[str]) -> str:
    for term, written in zip(reversed(terms), reversed(instead), strict=True):
        text = text[: term.start] + written + text[term.end :]
    return text


def _trace(translation: str, term: Term) -> tuple[int, int] | None:
    """Where `translation` has the rendering, or the term as it was said, or else the words most like either."""
    for wanted in (term.rendering, term.said):
        if exact := _pattern(wanted).search(translation):
            return exact.span()
    words = list(re.finditer(r"[^\W_]+(?:['’-][^\W_]+)*", translation))
    best, place = LIKE, None
    for wanted in (term.said, term.rendering):
        count = len(wanted.split())
        for first in range(len(words) - count + 1):
            start, end = words[first].start(), words[first + count - 1].end()
            alike = difflib.SequenceMatcher(None, translation[start:end].casefold(), wanted.casefold()).ratio()
            if alike > best:
                best, place = alike, (start, end)
    return place
