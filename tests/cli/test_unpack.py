from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import unpack
from cli.unpack import ArchiveUnsafe


def zipped(folder: Path, *names: str, data: bytes = b"x") -> Path:
    path = folder / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            member = zipfile.ZipInfo("placeholder")
            member.filename = name  # as it is: ZipInfo itself would mend it
            archive.writestr(member, data)
    return path


def below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_files_and_folders_are_there_as_they_were_packed(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    files = unpack.unpack(zipped(tmp_path, "transcript.json", "en/talk.srt", "speech/en.wav", data=b"12"), out)
    assert below(out) == {"transcript.json", "en/talk.srt", "speech/en.wav"}
    assert files == [out / "transcript.json", out / "en" / "talk.srt", out / "speech" / "en.wav"]
    assert (out / "en" / "talk.srt").read_bytes() == b"12"


def test_what_was_there_is_replaced_and_a_link_is_not_followed(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere.txt"
    out.mkdir()
    elsewhere.write_text("mine")
    (out / "talk.txt").symlink_to(elsewhere)
    unpack.unpack(zipped(tmp_path, "talk.txt"), out)
    assert (elsewhere.read_text(), (out / "talk.txt").read_text()) == ("mine", "x")
    assert below(out) == {"talk.txt"}


@pytest.mark.parametrize(
    "names",
    [
        ("../evil",),
        ("en/../../evil",),
        ("/etc/evil",),
        ("//evil",),
        ("C:/evil",),
        ("..\\evil",),
        ("en/./talk",),
        ("en//talk",),
        ("talk\n",),
        ("talk\0.txt",),
        ("talk ",),
        ("talk.",),
        ("a" * 201,),
        ("fine.txt", "../evil"),
        ("talk.txt", "TALK.txt"),
        ("en", "en/talk.txt"),
    ],
)
def test_a_name_that_is_not_to_be_trusted_refuses_the_whole(tmp_path: Path, names: tuple[str, ...]) -> None:
    out = tmp_path / "out"
    with pytest.raises(ArchiveUnsafe):
        unpack.unpack(zipped(tmp_path, *names), out)
    assert below(tmp_path) == {"made.zip"}


@given(name=st.text(st.sampled_from("./\\ a:\0é"), min_size=1, max_size=12))
def test_no_name_leads_out_of_the_folder(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    archive, out = zipped(folder, name), folder / "out"
    try:
        unpack.unpack(archive, out)
    except ArchiveUnsafe:
        assert not out.exists()
    assert all(path == "made.zip" or path.startswith("out/") for path in below(folder))


def test_links_and_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "link.zip"
    link = zipfile.ZipInfo("talk.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ArchiveUnsafe):
        unpack.unpack(path, tmp_path / "out")
    monkeypatch.setattr(unpack, "MAX_FILES", 2)
    with pytest.raises(ArchiveUnsafe, match="too many"):
        unpack.unpack(zipped(tmp_path, "a", "b", "c"), tmp_path / "out")


def test_more_than_there_is_room_for_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "ROOM_LEFT_BYTES", 2**60)
    with pytest.raises(ArchiveUnsafe, match="room"):
        unpack.unpack(zipped(tmp_path, "a"), tmp_path / "out")
    assert below(tmp_path / "out") == set()


def test_what_is_no_archive_or_is_broken(tmp_path: Path) -> None:
    whole = zipped(tmp_path, "talk.txt", data=bytes(range(256)) * 50).read_bytes()
    broken = bytearray(whole)
    broken[60] ^= 0xFF
    for data in (b"", b"hello", whole[:-30], bytes(broken)):
        (tmp_path / "bad.zip").write_bytes(data)
        with pytest.raises(ArchiveUnsafe, match="no zip file"):
            unpack.unpack(tmp_path / "bad.zip", tmp_path / "out")
        assert below(tmp_path / "out") == set()
    (tmp_path / "good.zip").write_bytes(whole)
    assert unpack.unpack(tmp_path / "good.zip", tmp_path / "out")
