from __future__ import annotations

import re
import typing
from pathlib import Path

import msgspec

from ingress.recordings import shown
from wire.records import RecordingRecord, RecordingState
from wire.topology import RECORDING_TTL_S

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "recordings.md").read_text(encoding="utf-8")
RECORD = RecordingRecord(id="rec-1", tenant="acme", state="waiting", created=1000.0, owner="i1", request="hash")


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_every_field_is_documented_and_no_other() -> None:
    fields = [
        name for row in re.findall(r"^\| ((?:`\w+` ?)+) \|", section("The job"), re.MULTILINE) for name in row.split()
    ]
    documented = {name.strip("`") for name in fields}
    job = shown.job(RECORD)
    assert documented == {*job, *job["progress"], *typing.get_args(RecordingState)}


def test_what_is_not_known_is_null_and_nothing_inner_is_shown() -> None:
    job = shown.job(RECORD)
    assert job["started"] is job["finished"] is job["duration"] is job["seconds_left"] is job["error"] is None
    assert job["expires"] == 1000 + RECORDING_TTL_S
    assert {"acme", "i1", "hash"}.isdisjoint(map(str, job.values()))


def test_a_failure_says_whose_fault_it_is() -> None:
    failed = msgspec.structs.replace(
        RECORD, state="failed", code="media_unreadable", message="no sound", finished=2000.0
    )
    assert shown.job(failed)["error"] == {
        "message": "no sound", "type": "invalid_request_error", "code": "media_unreadable", "param": None,
    }  # fmt: skip
    assert shown.job(failed)["expires"] == 2000 + RECORDING_TTL_S
    ours = shown.failure(msgspec.structs.replace(failed, code="gave_up"))
    assert ours is not None
    assert ours["type"] == "server_error"
