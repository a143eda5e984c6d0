"""How well a recording was heard, where somebody brought what was really said. PURE.

Both texts are normalised as is usual (lower case, no punctuation, one space), aligned by jiwer, and compared: by words,
or by characters where most of the reference is written without spaces.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Literal

import jiwer
import msgspec

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese."""

CONTEXT = 4
"""Words shown on either side of a difference."""

Kind = Literal["substituted", "left_out", "put_in"]
_KINDS: dict[str, Kind] = {"substitute": "substituted", "delete": "left_out", "insert": "put_in"}
NOTHING = "(nothing)"


class Counts(msgspec.Struct, frozen=True):
    """Of words or characters."""

    reference: int
    hypothesis: int
    hits: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def rate(self) -> float:
        """0 is perfect. Where there was nothing to be heard: how much was heard all the same, at most 1."""
        wrong = self.substitutions + self.deletions + self.insertions
        return round(wrong / self.reference, 6) if self.reference else float(wrong > 0)


class Difference(msgspec.Struct, frozen=True):
    """`at`: number of the unit of the reference, from 0. `before` and `after` are equal in both."""

    at: int
    kind: Kind
    reference: str
    hypothesis: str
    before: str
    after: str


class Accuracy(msgspec.Struct, frozen=True):
    measure: Literal["wer", "cer"]
    words: Counts
    characters: Counts
    differences: list[Difference]


def compared(reference: str, hypothesis: str) -> Accuracy:
    said, heard = normalised(reference), normalised(hypothesis)
    by_characters = 2 * len(_UNSPACED.findall(said)) > len(said.replace(" ", ""))
    joint = "" if by_characters else " "
    words, aligned = _aligned(said.split(), heard.split())
    characters, aligned_characters = _aligned(list(said.replace(" ", joint)), list(heard.replace(" ", joint)))
    return Accuracy(
        measure="cer" if by_characters else "wer",
        words=words,
        characters=characters,
        differences=aligned_characters if by_characters else aligned,
    )


def normalised(text: str) -> str:
    """Lower case, punctuation and symbols taken away (an apostrophe leaves no gap), one space."""
    text = re.sub("['\u2019\u02bc]", "", unicodedata.normalize("NFKC", text).lower())
    return " ".join("".join(" " if unicodedata.category(each)[0] in "PSZC" else each for each in text).split())


def _aligned(said: list[str], heard: list[str]) -> tuple[Counts, list[Difference]]:
    """Units are compared as they are; jiwer is given each as a word."""
    if not said or not heard:
        counts = Counts(len(said), len(heard), 0, 0, len(said), len(heard))
        kind: Kind = "left_out" if said else "put_in"
        whole = [Difference(0, kind, _joined(said), _joined(heard), "", "")] if said or heard else []
        return counts, whole
    unit = {" ": "\u2423"}  # a space between words is a character as any other
    found = jiwer.process_words(
        " ".join(unit.get(each, each) for each in said), " ".join(unit.get(each, each) for each in heard)
    )
    counts = Counts(len(said), len(heard), found.hits, found.substitutions, found.deletions, found.insertions)
    return counts, [
        Difference(
            chunk.ref_start_idx,
            _KINDS[chunk.type],
            _joined(said[chunk.ref_start_idx : chunk.ref_end_idx]),
            _joined(heard[chunk.hyp_start_idx : chunk.hyp_end_idx]),
            _joined(said[max(0, chunk.ref_start_idx - CONTEXT) : chunk.ref_start_idx]),
            _joined(said[chunk.ref_end_idx : chunk.ref_end_idx + CONTEXT]),
        )
        for chunk in found.alignments[0]
        if chunk.type != "equal"
    ]


def _joined(units: list[str]) -> str:
    return ("" if all(len(each) == 1 and _UNSPACED.match(each) for each in units) else " ").join(units)


# --- as files -------------------------------------------------------------------------------------------------------


def as_json(found: Accuracy) -> dict[str, Any]:
    return {
        "measure": found.measure,
        "wer": found.words.rate,
        "cer": found.characters.rate,
        "words": msgspec.to_builtins(found.words),
        "characters": msgspec.to_builtins(found.characters),
        "differences": [
            {"at": each.at, "kind": each.kind, "reference": each.reference, "hypothesis": each.hypothesis}
            for each in found.differences
        ],
    }


def as_text(found: Accuracy) -> str:
    lines = [f"{name:22}{words:>12}{characters:>12}" for name, words, characters in _rows(found)]
    return "\n".join([*lines, "", *(_shown(each, "[{0} -> {1}]") for each in found.differences), ""])


def as_markdown(found: Accuracy) -> str:
    lines = [f"| {name} | {words} | {characters} |" for name, words, characters in _rows(found)]
    lines.insert(1, "| --- | --- | --- |")
    differences = [f"- {_shown(each, '~~{0}~~ **{1}**')}" for each in found.differences]
    return "\n".join(["# Accuracy", "", *lines, "", "## Differences", "", *(differences or ["None."]), ""])


def _rows(found: Accuracy) -> list[tuple[str, str, str]]:
    words, characters = found.words, found.characters
    rows = [("", "words", "characters"), ("error rate", f"{words.rate:.2%}", f"{characters.rate:.2%}")]
    names = ("reference", "hypothesis", "hits", "substitutions", "deletions", "insertions")
    return rows + [(name, str(getattr(words, name)), str(getattr(characters, name))) for name in names]


def _shown(each: Difference, change: str) -> str:
    changed = change.format(each.reference or NOTHING, each.hypothesis or NOTHING)
    return " ".join(
        part for part in (each.before and f"… {each.before}", changed, each.after and f"{each.after} …") if part
    )
