"""`dragoman stream`: play a file, or what comes on stdin, into a session in real time and show what comes back.

What cannot work is told before anything is connected. A first Ctrl-C ends the audio and waits for what is still to
come, a second one ends at once. A connection that breaks is restored, for a minute. Where there is no room it waits in
line, and where even that is full it comes again, for two minutes. Exit codes:

    0  all was said, and nothing was lost
    1  something here failed
    2  unusable arguments or file
    3  refused: no server there, no room, nobody to serve it, or languages that nobody serves
    4  something was lost: an utterance, translation or speech failed or is missing, or the connection ended early
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from cli import client, credentials, glossary, media, speech_files
from cli.events import Event, SpeechFrame
from cli.lines import JsonLines, PlainLines, View
from cli.live import LiveCaptions
from cli.media import Audio
from cli.pacing import Pacing
from cli.summary import Account, Summary
from cli.tasks import first_of
from wire import process
from wire.errors import ClientError, DragomanError, each_of
from wire.messages import AUTO
from wire.options import Glossary
from wire.protocol import ErrorTold, StartRequest

PROGRAM = "dragoman stream"
USUAL_URL = "ws://127.0.0.1:8080"
REFUSED, LOST = 3, 4

_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True)
class Options:
    """The command line, checked. `save` maps targets to files."""

    file: str
    urls: tuple[str, ...]
    key: str = field(repr=False)
    start: StartRequest
    save: dict[str, Path]
    speed: float
    json: bool


def main(argv: Sequence[str] | None = None) -> int:
    try:
        return asyncio.run(_played(read(argv)))
    except ClientError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return process.UNUSABLE


def read(argv: Sequence[str] | None) -> Options:
    """The command line. Raises ClientError, and SystemExit for what argparse says itself."""
    given = _parser().parse_args(argv)
    source, targets = given.source.lower(), [target.lower() for target in given.target]
    between = [language.strip() for language in given.between.lower().split(",")] if given.between else []
    if between:
        _check_between(between, source, targets)
        targets = between
    for language in targets if source == AUTO else [source, *targets]:
        if not _LANGUAGE.fullmatch(language):
            raise ClientError(f"{language!r} is no language code: give ISO 639-1, such as en, fr or zh")
    for target in targets:
        if target == source:
            raise ClientError(f"the target {target!r} is the language that is spoken: leave it out")
        if targets.count(target) > 1:
            raise ClientError(f"the target {target!r} is given twice")
    if not (math.isfinite(given.speed) and given.speed > 0):
        raise ClientError(f"--speed {given.speed:g}: give a number over 0 (1 is real time)")
    if given.save_speech and not (targets and given.speech):
        raise ClientError("--save-speech: nothing is to be spoken; give a --target and leave --no-speech out")
    if given.live and not targets:
        raise ClientError("--live: there is no translation to show; give a --target")
    urls = tuple(given.url or [USUAL_URL])
    for url in urls:
        client.endpoint(url)
    return Options(
        file=given.file,
        urls=urls,
        key=credentials.chosen(given.key),
        start=StartRequest(
            source=source,
            targets=[] if between else targets,
            speech=given.speech and bool(targets),
            captions=given.captions,
            live=targets if given.live else [],
            between=between,
            words=given.words,
            glossary=glossary.read(Path(given.glossary)) if given.glossary else Glossary(),
        ),
        save=speech_files.paths(Path(given.save_speech), targets) if given.save_speech else {},
        speed=given.speed,
        json=given.json,
    )


def _check_between(between: list[str], source: str, targets: list[str]) -> None:
    if len(between) != 2 or between[0] == between[1]:
        raise ClientError(f"--between {','.join(between)}: give two languages, such as fr,en")
    if targets or source != AUTO:
        raise ClientError("--between says what is spoken and what is wanted: leave --source and --target out")


def _parser() -> process.Parser:
    made = process.Parser(
        prog=PROGRAM,
        description="Play audio into a session in real time and show what comes back.",
        epilog="Exit codes: 0 all said, 2 unusable arguments or file, 3 refused, 4 something was lost.",
    )
    made.add_argument("file", metavar="FILE", help="an audio file of any kind, or - for raw PCM16 mono 16 kHz on stdin")
    made.add_argument(
        "--url", action="append", help=f"where Dragoman is (default: {USUAL_URL}); further ones are tried in turn"
    )
    credentials.add_option(made)
    made.add_argument("--source", default=AUTO, metavar="LANGUAGE", help="spoken language (default: auto)")
    made.add_argument(
        "--target", action="append", default=[], metavar="LANGUAGE", help="translate into this; may be given again"
    )
    made.add_argument("--between", metavar="A,B", help="two languages are spoken: each is translated into the other")
    made.add_argument(
        "--captions",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="words while they are spoken (default: yes)",
    )
    made.add_argument("--live", action="store_true", help="translations while somebody speaks, too")
    made.add_argument("--words", action="store_true", help="when each word was said")
    made.add_argument(
        "--glossary",
        metavar="FILE",
        help="names to expect and terms with fixed renderings (TOML or JSON: docs/protocol.md)",
    )
    made.add_argument(
        "--speech", action=argparse.BooleanOptionalAction, default=True, help="have translations spoken (default: yes)"
    )
    made.add_argument(
        "--save-speech", metavar="WAV", help="write the speech there; with several targets one file for each: x.en.wav"
    )
    made.add_argument("--speed", type=float, default=1.0, help="2 plays twice as fast (default: 1)")
    made.add_argument("--json", action="store_true", help="one event a line on stdout, then a summary")
    return made


async def _played(options: Options) -> int:
    async with _source(options.file) as audio:
        view = _view(options, audio)
        playback = Playback(audio, options.speed, view)
        refused = False
        try:
            async with client.connect(options.urls, options.start, options.key, playback.waits) as session:
                with speech_files.saving(options.save) as files:
                    await playback.run(session, files)
        except client.Refused as error:
            refused = True
            playback.failed(error)
        finally:
            summary = playback.account.summary()
            view.ended(summary)
    return REFUSED if refused else _code(summary)


def _code(summary: Summary) -> int:
    return LOST if summary.lost else 0


@contextlib.asynccontextmanager
async def _source(file: str) -> AsyncIterator[Audio]:
    if file == "-":
        yield await media.piped(sys.stdin.fileno())
    else:
        with media.opened(Path(file)) as audio:
            yield audio


def _view(options: Options, audio: Audio) -> View:
    if options.json:
        return JsonLines(sys.stdout)
    if sys.stdout.isatty():
        return LiveCaptions(Console(), audio.seconds)
    return PlainLines(sys.stdout, sys.stderr)


class Playback:
    """One session's worth of sending and listening, side by side."""

    def __init__(self, audio: Audio, speed: float, view: View) -> None:
        self.account = Account()
        self._audio = audio
        self._speed = speed
        self._view = view
        self._first_sent: float | None = None

    async def run(self, session: client.Session, files: speech_files.SpeechFiles) -> None:
        """Until the session is closed, or lost: what went wrong is in the account, and shown."""
        enough, at_once = asyncio.Event(), asyncio.Event()
        self._heard(session.started)
        try:
            with _signals(enough, at_once):
                await first_of(self._converse(session, files, enough), at_once.wait())
        except* DragomanError as errors:
            for error in each_of(errors):
                if isinstance(error, DragomanError):
                    self.failed(error)

    def waits(self, event: Event) -> None:
        """There is no session yet."""
        self._view.heard(event, 0.0)

    def failed(self, error: DragomanError) -> None:
        """Show it as the protocol's own errors are shown."""
        told = ErrorTold(code=error.code, message=str(error), retryable=error.retryable)
        self._view.heard(told, self._t())

    async def _converse(self, session: client.Session, files: speech_files.SpeechFiles, enough: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self._send(session, enough))
            async for event in session.events():
                if isinstance(event, SpeechFrame):
                    files.write(event)
                self._heard(event)
            sending.cancel()

    async def _send(self, session: client.Session, enough: asyncio.Event) -> None:
        try:
            await first_of(self._play(session), enough.wait())
            await session.close()
        except* client.ConnectionLost:
            pass  # whoever listens learns why, and says so

    async def _play(self, session: client.Session) -> None:
        loop = asyncio.get_running_loop()
        pacing: Pacing | None = None
        sent = 0.0
        async for pcm in self._audio.chunks:
            now = loop.time()
            if pacing is None:
                pacing, self._first_sent = Pacing(now, self._speed), now
            elif self._audio.live:
                pacing.stalled(sent, now)
            await asyncio.sleep(max(0.0, pacing.due(sent) - now))
            await session.send(pcm)
            sent += media.duration(pcm)
            self.account.sent(media.duration(pcm), self._t())
            self._view.sent(sent)

    def _heard(self, event: Event) -> None:
        self.account.heard(event, self._t())
        self._view.heard(event, self._t())

    def _t(self) -> float:
        """Seconds since the first audio was sent; 0 before."""
        return 0.0 if self._first_sent is None else asyncio.get_running_loop().time() - self._first_sent


@contextlib.contextmanager
def _signals(enough: asyncio.Event, at_once: asyncio.Event) -> Iterator[None]:
    """A first SIGINT or SIGTERM sets `enough`, a second `at_once`."""
    loop = asyncio.get_running_loop()

    def asked() -> None:
        (at_once if enough.is_set() else enough).set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
