"""What a speaker in a room is put into: what the others want, and nothing else. PURE.

A language that nobody else reads is not computed; speech is made where somebody hears it, and a translation of words
that are still being spoken where somebody follows them. What no node can do is not asked for: who reads that language
reads the original. The language that is spoken needs no translation: where it is detected, the node sees to that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from wire.messages import AUTO
from wire.rooms import MAX_LANGUAGES, Member


class Demand(msgspec.Struct, frozen=True):
    """`spoken` and `live` are among the `targets`, all sorted. `captions`: somebody follows the words as they come."""

    targets: list[str] = []
    spoken: list[str] = []
    live: list[str] = []
    captions: bool = False


def wanted(speaker: Member, members: Iterable[Member], serves: Callable[[str, str], bool]) -> Demand:
    """`serves(source, target)` says whether anybody can translate that. Of more than MAX_LANGUAGES, what most read."""
    others = [each for each in members if each.member != speaker.member]
    readers = Counter(each.language for each in others)
    readers.pop(speaker.source if speaker.source != AUTO else "", None)
    possible = [language for language in readers if serves(speaker.source, language)]
    targets = sorted(sorted(possible, key=lambda each: (-readers[each], each))[:MAX_LANGUAGES])
    return Demand(
        targets,
        [each for each in targets if any(other.speech and other.language == each for other in others)],
        [each for each in targets if any(other.captions and other.language == each for other in others)],
        any(each.captions for each in (speaker, *others)),
    )
