"""`dragoman translate` as a child process, against a server that does as it is told."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.command import Ended, clean, dragoman, ended, started
from tests.cli.job_server import JobServer, packed, running
from tests.waiting import until

SECRET = "dk-verysecret"
CONTENT = bytes(range(256)) * 2000


@pytest.fixture
async def server() -> AsyncIterator[JobServer]:
    async with running() as made:
        yield made


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp3"
    path.write_bytes(CONTENT)
    return path


async def translated(server: JobServer, *arguments: object, key: str = "") -> Ended:
    return await dragoman("translate", *map(str, arguments), "--server", server.url, DRAGOMAN_KEY=key)


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


async def test_files_are_brought_with_what_is_asked_and_results_are_unpacked(
    server: JobServer, talk: Path, tmp_path: Path
) -> None:
    other, out = tmp_path / 'ö "2".wav', tmp_path / "out"
    other.write_bytes(b"wav")
    (tmp_path / "words.toml").write_text('words = ["Okonkwo"]')
    flags = ("--to", "en,ES", "--to", "de", "--source", "fr", "--speech", "--glossary", tmp_path / "words.toml")
    result = await translated(server, talk, other, "--out", out, *flags, key=SECRET)
    assert (result.code, result.complaints) == (0, "")
    assert names(out) == {"talk", 'ö "2"'}
    assert names(out / "talk") == {"transcript.json", "en.srt", ".dragoman.json"}
    assert f"{talk}: 2 files in {out / 'talk'}\n" in result.out
    by_name = {kept.fields["name"]: kept for kept in server.jobs.values()}
    assert by_name["talk.mp3"].sound == CONTENT
    assert set(by_name) == {"talk.mp3", "ö _2_.wav"}
    assert by_name["talk.mp3"].fields == {
        "name": "talk.mp3", "source": "fr", "targets": "en,es,de", "speech": "true",
        "glossary": '{"words":["Okonkwo"]}',
    }  # fmt: skip
    assert server.shown == {f"Bearer {SECRET}"}
    assert SECRET not in result.out


async def test_a_second_start_brings_nothing_again(server: JobServer, talk: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for _ in range(2):
        assert (await translated(server, talk, "--out", out)).code == 0
    assert (server.count("POST"), len(server.jobs)) == (1, 1)
    (out / "talk" / ".dragoman.json").unlink()  # then the server itself knows it
    assert (await translated(server, talk, "--out", out)).code == 0
    assert (server.count("POST"), len(server.jobs)) == (2, 1)
    assert (await translated(server, talk, "--out", out, "--to", "en")).code == 0
    assert len(server.jobs) == 2


async def test_ctrl_c_ends_the_watching_and_the_next_start_goes_on(
    server: JobServer, talk: Path, tmp_path: Path
) -> None:
    server.held.clear()
    arguments = ("translate", str(talk), "--out", str(tmp_path / "out"), "--server", server.url)
    process = await started(*arguments)

    async def watched() -> bool:
        return bool(server.count("GET", "/events"))

    await until(watched)
    process.send_signal(signal.SIGINT)
    result = await ended(process)
    assert result.code == 130
    assert "goes on at the server as rec-1" in result.complaint
    server.held.set()
    result = await dragoman(*arguments)
    assert result.code == 0
    assert (server.count("POST"), server.jobs["rec-1"].job["state"]) == (1, "done")


async def test_ctrl_c_while_it_is_brought(server: JobServer, talk: Path, tmp_path: Path) -> None:
    server.refusals["POST"] = [(503, "going_away", "60")]
    process = await started("translate", str(talk), "--out", str(tmp_path / "out"), "--server", server.url)

    async def tried() -> bool:
        return server.count("POST") == 1

    await until(tried)
    process.send_signal(signal.SIGINT)
    result = await ended(process)
    assert result.code == 130
    assert "has not been brought to the server" in result.complaints


async def test_cancel_ends_what_was_begun(server: JobServer, talk: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert (await translated(server, talk, "--out", out)).code == 0
    result = await translated(server, talk, "--out", out, "--cancel")
    assert (result.code, result.out) == (0, f"{talk}: cancelled\n")
    assert server.jobs["rec-1"].job["state"] == "cancelled"
    result = await translated(server, talk, "--out", tmp_path / "elsewhere", "--cancel")
    assert (result.code, result.out) == (0, f"{talk}: there was nothing to cancel\n")
    assert (await translated(server, talk, "--out", out)).code == 0  # begun anew
    assert server.jobs["rec-1"].job["state"] == "done"


async def test_json_is_one_event_a_line(server: JobServer, talk: Path, tmp_path: Path) -> None:
    result = await translated(server, talk, "--out", tmp_path / "out", "--json")
    assert (result.code, result.complaints) == (0, "")
    assert [event["type"] for event in result.events] == [
        "reading", "uploading", *["job"] * 4, "downloading", "saved",
    ]  # fmt: skip
    assert {event["file"] for event in result.events} == {str(talk)}
    assert [event["job"]["state"] for event in result.of("job")] == ["waiting", "waiting", "running", "done"]
    (saved,) = result.of("saved")
    assert (saved["folder"], saved["files"]) == (str(tmp_path / "out" / "talk"), ["transcript.json", "en.srt"])


async def test_what_breaks_off_is_taken_up_where_it_was(server: JobServer, talk: Path, tmp_path: Path) -> None:
    server.broken_events, server.broken_results = 1, 1
    server.result = packed({"en.mp3": bytes(300_000)})
    server.refusals["POST"] = [(429, "rate_limited", "1"), (409, "idempotency_key_in_use", "0")]
    result = await translated(server, talk, "--out", tmp_path / "out")
    assert result.code == 0
    assert (tmp_path / "out" / "talk" / "en.mp3").read_bytes() == bytes(300_000)
    assert "no: rate_limited: trying again in 1 s" in result.complaints
    assert result.complaints.count("trying again") == 4
    assert names(tmp_path / "out" / "talk") == {"en.mp3", ".dragoman.json"}


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ((401, "invalid_api_key", ""), "no: invalid_api_key (set DRAGOMAN_KEY)"),
        ((413, "too_large", ""), "no: too_large"),
        ((429, "quota_exceeded", "40000"), "no: quota_exceeded"),
        ((507, "storage_full", ""), "no: storage_full"),
    ],
)
async def test_refusals_say_why_and_the_key_is_not_shown(
    server: JobServer, talk: Path, tmp_path: Path, refusal: tuple[int, str, str], told: str
) -> None:
    server.refusals["POST"] = [refusal]
    result = await translated(server, talk, "--out", tmp_path / "out", "--key", SECRET)
    assert result.code == 3
    assert told in result.complaint
    assert SECRET not in result.complaints
    server.refusals["GET"] = [refusal]
    assert told in (result := await translated(server, talk, "--out", tmp_path / "out")).complaint
    assert result.code == 3


async def test_nobody_there_and_somebody_else_there(server: JobServer, talk: Path, tmp_path: Path) -> None:
    result = await dragoman("translate", str(talk), "--server", "http://127.0.0.1:1", "--out", str(tmp_path / "out"))
    assert result.code == 3
    assert result.complaint.startswith("dragoman translate: http://127.0.0.1:1 cannot be reached")
    result = await dragoman("translate", str(talk), "--server", f"{server.url}/else", "--out", str(tmp_path / "out"))
    assert result.code == 3
    assert "answers, but not as Dragoman (HTTP 404)" in result.complaint


async def test_what_becomes_of_one_file_does_not_touch_the_others(
    server: JobServer, talk: Path, tmp_path: Path
) -> None:
    other, out = tmp_path / "other.mp3", tmp_path / "out"
    other.write_bytes(b"other")
    server.refusals["POST"] = [(413, "too_large", "")]
    result = await translated(server, talk, other, "--out", out, "--json")
    assert result.code == 3
    (failed,), (saved,) = result.of("error"), result.of("saved")
    assert {failed["file"], saved["file"]} == {str(talk), str(other)}


async def test_a_recording_that_cannot_be_worked_on(server: JobServer, talk: Path, tmp_path: Path) -> None:
    server.goes_on = [{"state": "failed", "error": {"message": "no sound in it", "code": "audio_unreadable"}}]
    result = await translated(server, talk, "--out", tmp_path / "out")
    assert result.code == 4
    assert "no sound in it (audio_unreadable)" in result.complaint
    server.goes_on = [{"state": "done", "failures": 2, "error": None}]
    result = await translated(server, talk, "--out", tmp_path / "out")  # its key is free: it is begun anew
    assert result.code == 4
    assert "2 utterances or translations failed" in result.out


async def test_an_archive_that_is_not_to_be_trusted(server: JobServer, talk: Path, tmp_path: Path) -> None:
    server.result = packed({"../../evil": b"x"})
    result = await translated(server, talk, "--out", tmp_path / "a" / "b")
    assert result.code == 1
    assert "not to be trusted" in result.complaint
    assert not (tmp_path / "evil").exists()
    assert names(tmp_path / "a" / "b" / "talk") == {".dragoman.json"}


async def test_unusable_files_are_told_before_anything_is_brought(
    server: JobServer, talk: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.wav").touch()
    for unusable, told in (("nowhere.wav", "there is no file"), ("empty.wav", "is empty"), ("", "is a directory")):
        result = await translated(server, talk, tmp_path / unusable)
        assert result.code == 2
        assert told in result.complaint
    assert not server.asked


async def test_the_key_stands_in_no_process_list(server: JobServer, talk: Path, tmp_path: Path) -> None:
    """Where it came in a variable."""
    assert SECRET not in json.dumps(clean())
    result = await translated(server, talk, "--out", tmp_path / "out", "--json", key=SECRET)
    assert SECRET not in result.out + result.complaints + (tmp_path / "out" / "talk" / ".dragoman.json").read_text()
