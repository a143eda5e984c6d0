from __future__ import annotations

import html
import re

from hypothesis import given, settings

from ingress.subtitles import files
from ingress.subtitles.cues import Cue, of_original
from ingress.subtitles.timing import Passage
from tests.ingress.subtitles.passages import any_passages

CUES = [Cue(0, 1500, ["One & <two>"]), Cue(3_723_004, 3_725_000, ["a --> b", "c"])]


def test_subrip() -> None:
    assert files.srt(CUES) == (
        "1\n00:00:00,000 --> 00:00:01,500\nOne & <two>\n\n2\n01:02:03,004 --> 01:02:05,000\na → b\nc\n\n"
    )


def test_webvtt() -> None:
    assert files.vtt(CUES) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nOne &amp; &lt;two&gt;\n\n"
        "01:02:03.004 --> 01:02:05.000\na --&gt; b\nc\n\n"
    )
    assert files.vtt([]) == "WEBVTT\n\n"
    assert files.srt([]) == ""


def test_text_has_paragraphs_where_nobody_spoke_for_a_while() -> None:
    told = [
        (Passage(0.0, 1.0, ""), "One."),
        (Passage(1.5, 2.0, ""), "Two\nand."),
        (Passage(2.1, 2.2, ""), " "),
        (Passage(5.0, 6.0, ""), "Three."),
    ]
    assert files.text(told, "en") == "One. Two and.\n\nThree.\n"
    assert files.text(told, "zh") == "One.Two and.\n\nThree.\n"
    assert files.text([], "en") == ""


_TIME = r"(\d\d+):([0-5]\d):([0-5]\d){point}(\d\d\d)"


def parsed(block: str, point: str) -> Cue:
    times, *lines = block.split("\n")
    match = re.fullmatch(f"{_TIME} --> {_TIME}".replace("{point}", re.escape(point)), times)
    assert match
    hours, minutes, seconds, thousandths, *rest = map(int, match.groups())
    start = ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths
    hours, minutes, seconds, thousandths = rest
    assert all(lines)
    return Cue(start, ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths, lines)


@settings(deadline=None, max_examples=60)
@given(any_passages())
def test_what_is_written_can_be_read(passages: list[tuple[Passage, str]]) -> None:
    cues = of_original([passage for passage, _ in passages])
    head, *blocks, rest = files.vtt(cues).split("\n\n")
    assert (head, rest) == ("WEBVTT", "")
    assert not any("-->" in block.split("\n", 1)[1] or "<" in block for block in blocks)
    found = [parsed(block, ".") for block in blocks]
    assert [Cue(each.start, each.end, list(map(html.unescape, each.lines))) for each in found] == cues
    *blocks, rest = files.srt(cues).split("\n\n")
    assert rest == ""
    for number, (block, cue) in enumerate(zip(blocks, cues, strict=True), 1):
        first, body = block.split("\n", 1)
        assert first == str(number)
        assert parsed(body, ",") == Cue(cue.start, cue.end, [line.replace("-->", "→") for line in cue.lines])
