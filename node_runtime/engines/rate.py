"""How fast somebody speaks, told from what was said and for how long the voice was heard. PURE.

The usual speed of a text depends on its script more than on its language: people who read aloud say 16 Latin letters a
second but 4 Chinese characters, and about as much content. So a text has a usual duration, the sum of its characters'
own, and a pace is that duration by the time it took: 1.0 as usual, 1.25 a quarter faster.

Rates are those of S. Trauzettel-Klosinski, K. Dietz and the IReST Study Group, "Standardized Assessment of Reading
Performance: The New International Reading Speed Texts IReST", Investigative Ophthalmology & Visual Science 53 (2012),
5452-5461: 436 people who read aloud in 17 languages, pauses included. Kana are morae and are from F. Pellegrino,
C. Coupé and E. Marsico, "A cross-language perspective on speech information rate", Language 87 (2011), 539-558. The
recordings that Dragoman is measured with have 12 to 18 letters in a second of voice, and 4.3 to 5.2 characters.
"""

from __future__ import annotations

import unicodedata

SLOWEST, FASTEST = 1 / 1.3, 1 / 0.8
"""Beyond these a synthetic voice is hard to follow, or drawls: Piper's length scale from 1.3 to 0.8."""

LETTER_S = 60 / 968
"""The mean of twelve languages in Latin script (885 to 1,078 letters a minute); Cyrillic, 986, is as fast."""

SECONDS: dict[str, float] = {
    **dict.fromkeys(("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "GEORGIAN"), LETTER_S),
    "HEBREW": 60 / 833,  # no vowels are written
    "ARABIC": 60 / 612,
    **dict.fromkeys(("CJK", "IDEOGRAPHIC"), 60 / 255),
    **dict.fromkeys(("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"), 1 / 7.84),
    "HANGUL": 60 / 370,  # a syllable
}
"""How long a letter takes, by the first word of its Unicode name. Other scripts were not measured."""

DIGIT_S = 4 * LETTER_S
"""It is a word."""

PRIOR_S = 1.0
"""So much usual speech is added to what was heard: one word alone says little about anybody's pace."""


def usual_seconds(text: str) -> float | None:
    """How long it usually takes to say this; None where there is a script in it that was not measured."""
    total = 0.0
    for character in unicodedata.normalize("NFKC", text):
        if character.isnumeric() and not character.isalpha():
            total += DIGIT_S
        elif character.isalpha():
            script = unicodedata.name(character, "").partition(" ")[0]
            if script not in SECONDS:
                return None
            total += SECONDS[script]
    return total


def pace(text: str, voiced: float) -> float:
    """How fast `text` was said in `voiced` seconds of voice, from SLOWEST to FASTEST. 1.0 where that cannot be told."""
    usual = usual_seconds(text)
    if not usual or voiced <= 0:
        return 1.0
    return min(FASTEST, max(SLOWEST, (usual + PRIOR_S) / (voiced + PRIOR_S)))
