from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from cli import progress, recordings
from cli.recordings import Job
from wire.errors import Unavailable

TALK, OTHER = Path("talk [1].mp3"), Path("other.mp3")


def job(state: str, heard: float = 0.0, **fields: object) -> Job:
    made = recordings.Progress(uploaded=5, decoded=10.0, heard=heard, translated={"en": heard / 2}, spoken={"en": 0.0})
    return Job(id="rec-1", state=state, duration=10.0, progress=made, **fields)  # type: ignore[arg-type]


def test_stages_are_those_that_were_asked_for() -> None:
    assert progress.stages(job("running", 4.0)) == [
        ("hearing", 4.0),
        ("translating into en", 2.0),
        ("speaking en", 0.0),
    ]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, ""), (0.2, "1 s left"), (59, "59 s left"), (61, "2 min left"), (5401, "1.5 h left")],
)
def test_the_time_that_is_left(seconds: float | None, told: str) -> None:
    assert progress.left(seconds) == told


def test_bars_of_each_file_and_stage_and_a_line_for_what_is_done() -> None:
    out = io.StringIO()
    view = progress.Bars(Console(file=out, force_terminal=True, width=100, color_system=None))
    view.bytes(TALK, "reading", 1, 4)
    view.bytes(TALK, "uploading", 2_000_000, 4_000_000)
    view.job(TALK, job("running", 5.0, seconds_left=61.0))
    view.job(OTHER, job("waiting"))
    shown = [view._progress.tasks[task].description for task in range(len(view._progress.tasks))]
    assert shown == ["hearing", "translating into en", "speaking en"] * 2
    view._progress.refresh()
    assert "talk [1].mp3" in out.getvalue()
    assert "50 %" in out.getvalue()
    assert "2 min left" in out.getvalue()
    view.waits(OTHER, Unavailable("away"), 3.0)
    view.saved(TALK, Path("out"), [Path("en.srt")], job("done"))
    view.left(OTHER, "rec-1")
    assert not view._progress.tasks
    view.close()
    lines = out.getvalue()
    assert "talk [1].mp3: 1 files in out" in lines
    assert "other.mp3: away: trying again in 3 s" in lines
    assert "other.mp3: goes on at the server as rec-1" in lines


def test_plain_lines_say_each_thing_once() -> None:
    out, complaints = io.StringIO(), io.StringIO()
    view = progress.PlainLines(out, complaints)
    view.bytes(TALK, "reading", 1, 4)
    for sent in (1, 2):
        view.bytes(TALK, "uploading", sent, 2)
    for heard in (1.0, 2.0):
        view.job(TALK, job("running", heard))
    view.saved(TALK, Path("out"), [], job("done", failures=1))
    view.close()
    assert out.getvalue().splitlines() == [
        f"{TALK}: uploading",
        f"{TALK}: running as rec-1",
        f"{TALK}: 0 files in out; 1 utterances or translations failed, see transcript.json",
    ]
    assert complaints.getvalue() == ""
