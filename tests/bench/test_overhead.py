"""Each part runs, for a moment and with little, and gives the rows of its budgets. What they say is no test."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from bench import captions, chunks, dispatch, memory, overhead, speech
from bench.rows import Row


def budgets(rows: list[Row]) -> int:
    return sum(row.budget is not None for row in rows)


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> object:
    before = set(psutil.Process().children())  # not their children: a browser of other tests starts some as it likes
    yield
    left = set(psutil.Process().children()) - before
    assert not left, f"still running: {[each.cmdline() for each in left]}"


async def test_dispatch_is_measured_beside_a_bare_publish() -> None:
    count, *rows = await dispatch.measure(dispatch.Load(sessions=8, seconds=3.5))
    assert count.measured >= 6
    assert budgets(rows) == 2
    assert all(0 < row.measured < 10_000 and row.ratio for row in rows)


async def test_chunks_are_carried_with_and_without_silero_and_by_nats_alone() -> None:
    rows = await chunks.measure(chunks.Load(sessions=4, deaf_sessions=4, seconds=0.7, warm_s=1.2, turns=1))
    assert budgets(rows) == 2
    whole, deaf, *_ = rows
    assert whole.measured > 10
    assert deaf.measured > 10
    assert whole.ratio is not None
    assert whole.reference is not None
    assert whole.reference > whole.measured


async def test_memory_is_measured_for_each_session() -> None:
    load = memory.Load(idle=20, streaming=6, warm=4, settle_s=0.4, stream_s=2.0, looks=2)
    idle, streaming, *parts = await memory.measure(load)
    assert budgets([idle, streaming]) == 2
    audio = [row.reference for row in parts if row.reference]
    assert sum(audio) > 3.2, "a session that streams holds a chunk at least"


@pytest.mark.models
async def test_captions_are_measured_beside_the_bare_engine() -> None:
    rows = await captions.measure({"piper": speech.spoken(speech.SAID[1:])}, passes=1, source="en")
    assert budgets(rows) >= 2
    lag, *_ = rows
    assert 0 < lag.measured < 30_000
    assert lag.reference


@pytest.mark.models
def test_the_voice_says_more_than_one_utterance() -> None:
    assert 5 < len(speech.spoken()) / 32_000 < 30


def test_an_unknown_part_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        overhead.main(["--only", "dispatch,weather"])
    assert ended.value.code == 2
    assert "weather" in capsys.readouterr().err


def test_rows_are_printed_as_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def measured(part: str, files: list[Path]) -> list[Row]:
        return [Row(f"row of {part}", "ms", 3.0, 1.5, 2.0)]

    monkeypatch.setattr(overhead, "measure", measured)
    assert overhead.main(["--only", "chunks,memory"]) == 0
    out = capsys.readouterr().out
    assert "row of chunks" in out
    assert "row of memory" in out
    assert "OVER" in out
