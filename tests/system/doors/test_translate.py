"""`dragoman translate` against the real thing; what can go wrong is in tests/cli/test_translate.py."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from tests.cli.command import dragoman, ended, started
from tests.system.doors.house import House, sound

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

MADE = {
    "transcript.json", "original.txt", "original.srt", "original.vtt", "en.txt", "en.srt", "en.vtt", "en.mp3",
    "accuracy.json", "accuracy.md", "accuracy.txt",
}  # fmt: skip


async def test_recordings_go_in_and_results_come_out_and_ctrl_c_costs_nothing(house: House, tmp_path: Path) -> None:
    talk, said, out = tmp_path / "talk.wav", tmp_path / "said.txt", tmp_path / "out"
    talk.write_bytes(sound(60))
    said.write_text("what was said")
    flags = ("--to", "en", "--source", "fr", "--speech", "--reference", str(said), "--out", str(out), "--json")
    arguments = ("translate", str(talk), *flags, "--server", house.url)
    process = await started(*arguments, DRAGOMAN_KEY=house.ours)
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while json.loads(await process.stdout.readline())["type"] != "job":
            pass
    process.send_signal(signal.SIGINT)
    assert (await ended(process)).code == 130
    result = await dragoman(*arguments, DRAGOMAN_KEY=house.ours)
    assert (result.code, result.complaints) == (0, "")
    assert not result.of("uploading")
    (saved,) = result.of("saved")
    assert set(saved["files"]) == MADE
    transcript = json.loads((out / "talk" / "transcript.json").read_text())
    assert transcript["duration"] == pytest.approx(60, abs=0.1)
    assert transcript["utterances"]
    assert (out / "talk" / "en.mp3").stat().st_size > 10_000
    cancelled = await dragoman(*arguments, "--cancel", DRAGOMAN_KEY=house.ours)
    assert cancelled.of("cancelled")[0]["there"]
    assert (await house.ask("GET", f"/v1/jobs/{saved['job']['id']}"))[1]["state"] == "cancelled"


async def test_no_key_is_a_refusal(house: House, tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(sound())
    result = await dragoman("translate", str(tmp_path / "talk.wav"), "--server", house.url)
    assert result.code == 3
    assert "set DRAGOMAN_KEY" in result.complaint
