"""A zip file from a server, unpacked into a folder and nowhere else.

What a server sends is not trusted: an archive with a name that leads out of the folder, or that this or another system
would read as something else, is refused whole, before anything is written. Each file is written beside its place and
then moved there, so that none is ever half there, and what stood there before is replaced, whatever it was.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import zipfile
import zlib
from pathlib import Path

from wire.errors import DragomanError

MAX_FILES = 10_000
MAX_NAME_BYTES = 200
ROOM_LEFT_BYTES = 64 * 1024 * 1024
"""What stays free on the disk."""

_STRANGE = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')
_REGULAR = (0, stat.S_IFREG)


class ArchiveUnsafe(DragomanError):
    """Nothing of it was unpacked."""

    code = "archive_unsafe"


def unpack(archive: Path, folder: Path) -> list[Path]:
    """Into `folder`, which is made where there is none. Returns the files, in the archive's order.

    Raises ArchiveUnsafe for what is no zip file, is broken, or is not to be trusted, and OSError where nothing can be
    written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [each for each in opened.infolist() if not each.orig_filename.endswith("/")]
            _check(members)
            folder.mkdir(parents=True, exist_ok=True)
            if sum(each.file_size for each in members) + ROOM_LEFT_BYTES > shutil.disk_usage(folder).free:
                raise ArchiveUnsafe(f"what came is more than {folder} has room for")
            return [_extract(opened, each, folder) for each in members]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ArchiveUnsafe(f"what came is no zip file that can be read: {error}") from error


def _check(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_FILES:
        raise ArchiveUnsafe(f"what came has {len(members)} files, which are too many")
    names = set()
    for each in members:
        parts = each.orig_filename.split("/")
        if any(not _usable(part) for part in parts) or stat.S_IFMT(each.external_attr >> 16) not in _REGULAR:
            raise ArchiveUnsafe(f"what came has a file whose name is not to be trusted: {each.orig_filename[:80]!r}")
        names.add(each.orig_filename.casefold())
    folders = {"/".join(name.split("/")[:depth]) for name in names for depth in range(1, name.count("/") + 1)}
    if len(names) < len(members) or names & folders:
        raise ArchiveUnsafe("what came has two files of one name")


def _usable(part: str) -> bool:
    return (
        0 < len(part.encode("utf-8", "replace")) <= MAX_NAME_BYTES
        and part == part.strip(" ")
        and not part.endswith(".")  # . and .. among them
        and not _STRANGE.search(part)
    )


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> Path:
    place = folder.joinpath(*member.orig_filename.split("/"))
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.part")
    try:
        with archive.open(member) as source, beside.open("wb") as target:
            shutil.copyfileobj(source, target, 1024 * 1024)
        os.replace(beside, place)
    finally:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
    return place
