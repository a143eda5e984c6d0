"""`dragoman translate`: bring recordings to a server, show how far it is, and fetch transcripts, subtitles and speech.

What cannot work is told before anything is sent. Ctrl-C ends the watching, not the work: the same command finds it
again (cli/commission.py). Exit codes:

    0  all is in its folder
    1  something here failed
    2  unusable arguments or files
    3  refused: no server there, or it does not take this
    4  a recording, or something in it, could not be worked on
    130  Ctrl-C: what is at the server goes on
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from rich.console import Console

from cli import credentials, glossary, recordings
from cli.commission import Commission, Order, Unfinished
from cli.patience import Patience
from cli.progress import Bars, JsonLines, PlainLines, View
from cli.recordings import Denied, Recordings
from cli.tasks import first_of
from cli.unpack import ArchiveUnsafe
from wire import process
from wire.errors import ClientError, DragomanError
from wire.messages import AUTO

PROGRAM = "dragoman translate"
USUAL_SERVER = "http://127.0.0.1:8080"
FAILED, REFUSED, LOST = 1, 3, 4
STOPPED = 128 + signal.SIGINT
UPLOADS_AT_ONCE = 2
MAX_REFERENCE_BYTES = 2_000_000

_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True)
class Options:
    """The command line, checked."""

    orders: list[Order]
    server: str
    key: str = field(repr=False)
    json: bool
    cancel: bool


def main(argv: Sequence[str] | None = None) -> int:
    try:
        return asyncio.run(_translated(read(argv)))
    except ClientError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return process.UNUSABLE


# --- what is asked for ----------------------------------------------------------------------------------------------


def read(argv: Sequence[str] | None) -> Options:
    """The command line. Raises ClientError, and SystemExit for what argparse says itself."""
    given = _parser().parse_args(argv)
    wishes = _wishes(given)
    return Options(
        orders=[Order(file, folder, wishes) for file, folder in _places(given.files, Path(given.out))],
        server=recordings.address(given.server),
        key=credentials.chosen(given.key),
        json=given.json,
        cancel=given.cancel,
    )


def _wishes(given: argparse.Namespace) -> dict[str, str]:
    """Fields of POST /v1/jobs; what is as usual is left out."""
    source, targets, between = given.source.lower(), _languages(given.to), _languages([given.between or ""])
    if source != AUTO and not _LANGUAGE.fullmatch(source):
        raise ClientError(f"--source {source}: this is no language code: give ISO 639-1, such as en, fr or zh")
    if source in targets:
        raise ClientError(f"--to {source}: this is the language that is spoken: leave it out")
    if given.between and len(between) != 2:
        raise ClientError(f"--between {given.between}: give two languages, such as fr,en")
    if between and (targets or source != AUTO):
        raise ClientError("--between says what is spoken and what is wanted: leave --source and --to out")
    if given.speech and not (targets or between):
        raise ClientError("--speech: there is no translation to speak; give --to")
    if given.reference and len(given.files) > 1:
        raise ClientError("--reference: it says what one recording says: give one FILE with it")
    wishes = {
        "source": source if source != AUTO else "",
        "targets": ",".join(targets),
        "between": ",".join(between),
        "speech": "true" if given.speech else "",
        "reference": _reference(Path(given.reference)) if given.reference else "",
        "glossary": msgspec.json.encode(glossary.read(Path(given.glossary))).decode() if given.glossary else "",
    }
    return {name: value for name, value in wishes.items() if value}


def _languages(lists: Sequence[str]) -> list[str]:
    found = [language.strip().lower() for each in lists for language in each.split(",") if language.strip()]
    for language, count in Counter(found).items():
        if not _LANGUAGE.fullmatch(language) or language == AUTO:
            raise ClientError(f"{language!r} is no language code: give ISO 639-1, such as en, fr or zh")
        if count > 1:
            raise ClientError(f"the language {language!r} is given twice")
    return found


def _reference(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_REFERENCE_BYTES:
            raise ClientError(f"--reference {path}: it may have at most {MAX_REFERENCE_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ClientError(f"--reference {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ClientError(f"--reference {path}: this is no text in UTF-8") from error
    if not text.strip():
        raise ClientError(f"--reference {path} is empty")
    return text


def _places(files: Sequence[str], out: Path) -> list[tuple[Path, Path]]:
    """Each file, and the folder for its result: named as the file is, without its ending where that is enough."""
    paths = [Path(each) for each in files]
    for path in paths:
        _check(path)
    stems = Counter(path.stem for path in paths)
    folders = [out / (path.stem if stems[path.stem] == 1 and path.stem.strip(".") else path.name) for path in paths]
    for folder, count in Counter(folders).items():
        if count > 1:
            raise ClientError(f"{count} files would have their results in {folder}: give them one after the other")
    nearest = next(each for each in (out.absolute(), *out.absolute().parents) if each.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ClientError(f"--out {out}: nothing can be written there")
    return list(zip(paths, folders, strict=True))


def _check(path: Path) -> None:
    try:
        if path.is_dir():
            raise ClientError(f"{path} is a directory: give audio or video files")
        with path.open("rb") as opened:
            if not opened.read(1):
                raise ClientError(f"{path} is empty")
    except FileNotFoundError as error:
        raise ClientError(f"there is no file {path}") from error
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error.strerror or error}") from error


def _parser() -> process.Parser:
    made = process.Parser(
        prog=PROGRAM,
        description="Bring recordings to a server and fetch transcripts, subtitles, translations and speech.",
        epilog="Ctrl-C ends the watching, not the work: the same command goes on where it was. Exit codes: 0 all "
        "there, 2 unusable arguments or files, 3 refused, 4 something could not be worked on.",
    )
    made.add_argument("files", metavar="FILE", nargs="+", help="audio or video of any kind")
    made.add_argument(
        "--to", action="append", default=[], metavar="LANGUAGES", help="translate into these: en,es; none: transcripts"
    )
    made.add_argument("--out", default=".", metavar="DIR", help="results go to DIR/<name of the file>/ (default: here)")
    made.add_argument("--source", default=AUTO, metavar="LANGUAGE", help="spoken language (default: auto)")
    made.add_argument("--between", metavar="A,B", help="two languages are spoken: each is translated into the other")
    made.add_argument(
        "--speech", action=argparse.BooleanOptionalAction, default=False, help="have translations spoken (default: no)"
    )
    made.add_argument("--reference", metavar="FILE", help="what is really said: an accuracy report is made")
    made.add_argument(
        "--glossary", metavar="FILE", help="names to expect and terms with fixed renderings (TOML or JSON)"
    )
    made.add_argument(
        "--server", default=USUAL_SERVER, metavar="URL", help=f"where Dragoman is (default: {USUAL_SERVER})"
    )
    credentials.add_option(made)
    made.add_argument("--cancel", action="store_true", help="end what an earlier start of the same command began")
    made.add_argument("--json", action="store_true", help="one event a line on stdout")
    return made


# --- doing it -------------------------------------------------------------------------------------------------------


async def _translated(options: Options) -> int:
    view = _view(options)
    try:
        async with recordings.connected(options.server, options.key) as server:
            try:
                await _knock(server)
            except DragomanError as error:
                print(f"{PROGRAM}: {error}", file=sys.stderr)
                return REFUSED
            return await Batch(options, server, view).run()
    finally:
        view.close()


def _view(options: Options) -> View:
    if options.json:
        return JsonLines(sys.stdout)
    if sys.stdout.isatty():
        return Bars(Console())
    return PlainLines(sys.stdout, sys.stderr)


async def _knock(server: Recordings) -> None:
    """Before files are read: is it there, and does it let us in? One that is busy is waited for."""
    patience = Patience()
    while True:
        try:
            return await server.knock()
        except Denied as error:
            await asyncio.sleep(patience.pause(error, asyncio.get_running_loop().time(), error.retry_after))


class Batch:
    """All files of one command, side by side. What becomes of one does not touch the others."""

    def __init__(self, options: Options, server: Recordings, view: View) -> None:
        uploading = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._commissions = [Commission(order, server, uploading, view) for order in options.orders]
        self._cancel = options.cancel
        self._view = view
        self._codes: dict[Path, int] = {}

    async def run(self) -> int:
        """Returns the exit code: of all files, the highest."""
        enough = asyncio.Event()
        with _stopped_by(enough):
            await first_of(self._all(), enough.wait())
        for each in self._commissions:
            if each.order.file not in self._codes:
                self._codes[each.order.file] = STOPPED
                self._view.left(each.order.file, each.job)
        return max(self._codes.values())

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for each in self._commissions:
                group.create_task(self._one(each))

    async def _one(self, commission: Commission) -> None:
        file = commission.order.file
        try:
            if self._cancel:
                self._view.cancelled(file, await commission.cancel())
                self._codes[file] = 0
            else:
                job = await commission.run()
                self._codes[file] = LOST if job.failures else 0
        except DragomanError as error:
            self._view.failed(file, error)
            self._codes[file] = _code(error)
        except OSError as error:
            about = f"{error.filename}: " if error.filename else ""
            self._view.failed(file, DragomanError(f"{about}{error.strerror or error}", code="file_error"))
            self._codes[file] = FAILED


def _code(error: DragomanError) -> int:
    if isinstance(error, Unfinished):
        return LOST
    return FAILED if isinstance(error, ArchiveUnsafe) else REFUSED


@contextlib.contextmanager
def _stopped_by(enough: asyncio.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set it."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, enough.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
