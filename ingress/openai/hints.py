"""What a transcription's `prompt` and `keywords` say: names and terms that are to be expected. PURE.

OpenAI's prompt is text that the model takes for what was said before, which carries names and spellings into what it
writes - and now and then the prompt itself. Dragoman's recogniser is asked with words instead (docs/languages.md). So a
prompt is read as a list of such words, and one that is prose is refused: it would do nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ingress.openai.refusals import Refused, unsupported
from ingress.wishes import MAX_TERM_CHARACTERS, MAX_WORDS

MAX_WORDS_OF_A_TERM = 6


def words(prompt: str, keywords: Iterable[str]) -> list[str]:
    """Each once, in order."""
    terms = [_term(each) for each in re.split(r"[,;\n，、；]", prompt)]
    for term in terms:
        if len(term) > MAX_TERM_CHARACTERS or len(term.split()) > MAX_WORDS_OF_A_TERM:
            raise unsupported(
                "prompt",
                f"`prompt` is read as a list of names and terms, separated by commas, of at most {MAX_WORDS_OF_A_TERM} "
                f"words and {MAX_TERM_CHARACTERS} characters each; running text has no effect here: leave it out",
            )
    given = [each.strip() for each in keywords]
    for each in given:
        if len(each) > MAX_TERM_CHARACTERS:
            raise Refused(f"`keywords` have at most {MAX_TERM_CHARACTERS} characters each", param="keywords")
    found = list(dict.fromkeys(each for each in (*terms, *given) if each))
    if len(found) > MAX_WORDS:
        param = "keywords" if given else "prompt"
        raise Refused(f"{len(found)} names and terms are too many: at most {MAX_WORDS}", param=param)
    return found


def _term(text: str) -> str:
    """Without the full stop that ends a list."""
    return text.strip().rstrip(".。").strip()
