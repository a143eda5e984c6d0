"""Passages for tests: written by hand, and any that hypothesis thinks of."""

from __future__ import annotations

from hypothesis import strategies as st

from ingress.subtitles.timing import Passage
from wire.options import Word

ENGLISH = (
    "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country. "
    "Dr. Smith disagreed. No? He said that it is a long way to Tipperary."
)
GERMAN = (
    "Und so, meine amerikanischen Mitbürger, fragt nicht, was euer Land für euch tun kann, fragt, was ihr für euer "
    "Land tun könnt. Dr. Smith war anderer Meinung. Nein? Er sagte, es sei ein langer Weg nach Tipperary."
)
CHINESE = (
    "大学生利用漏洞免费吃肯德基获刑，今天下午在法院宣判了。他说：“好。”我走了，因为时间已经很晚了而且外面下着大雨。"
)


def spoken(text: str, start: float = 0.0) -> Passage:
    """Said at 14 letters a second, with pauses after commas and sentences."""
    words: list[Word] = []
    now = start + 0.3
    for word in text.split():
        words.append(Word(word, round(now, 2), round(now + len(word) / 14, 2)))
        now += len(word) / 14 + {".": 0.6, "?": 0.6, ",": 0.25}.get(word[-1], 0.05)
    return Passage(start, round(now, 2), text, words)


THAI = "สวัสดีครับผมชื่อสมชายและผมมาจากกรุงเทพมหานครประเทศไทย"

_PIECES = st.sampled_from(
    ["a", "on", "word", "Sentences.", "clause,", "why?", "Mr.", "3.5", "-->", "<b>", "&", "“so”", "x" * 50, "\n"]
) | st.sampled_from(["大雨", "。", "，今天", "좋은 아침", THAI])
_TEXTS = st.lists(_PIECES, max_size=25).map(" ".join)


@st.composite
def any_passages(draw: st.DrawFn) -> list[tuple[Passage, str]]:
    """Each with a text in another language. Words may be missing, wrong or out of their time."""
    found: list[tuple[Passage, str]] = []
    now = 0.0
    for _ in range(draw(st.integers(0, 4))):
        start = now + draw(st.floats(0.0, 3.0))
        now = start + draw(st.floats(0.5, 25.0))
        text = draw(_TEXTS)
        words: list[Word] = []
        for each in draw(st.sampled_from([text, "", draw(_TEXTS)])).split():
            begin = draw(st.floats(start - 1, now + 1))
            words.append(Word(each, begin, begin + draw(st.floats(-0.1, 2.0))))
        if draw(st.booleans()):
            words.sort(key=lambda word: word.start)
        found.append((Passage(start, now, text, words), draw(_TEXTS)))
    return found
