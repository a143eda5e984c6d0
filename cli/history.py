"""`dragoman history`: what was said in sessions, from a server that kept it (docs/history.md).

    list [--limit N]                      sessions, newest first
    show ID [--format txt] [--language]   a transcript on stdout: txt, json, srt or vtt
    delete ID…                            nothing is left of them

A client of `/v1/sessions`, like any other: it sees what its key's tenant sees. Exit codes: 0 done, 1 failed, 2 unusable
arguments.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from cli import credentials
from cli.recordings import Unreachable, address, denied
from cli.translate import USUAL_SERVER
from wire.errors import ClientError, ProtocolViolation, SettingsError
from wire.process import Parser

PROGRAM = "dragoman history"
SESSIONS = "/v1/sessions"
FORMATS = ("txt", "json", "srt", "vtt")
PAGE = 100
SILENCE_S = 60.0


class Session(msgspec.Struct, frozen=True):
    id: str
    source: str
    began: float | None = None
    ended: float | None = None
    targets: list[str] = []


class Page(msgspec.Struct, frozen=True):
    data: list[Session]
    before: str | None = None


class Server:
    """Every request raises Denied, Unreachable."""

    def __init__(self, base: str, key: str) -> None:
        self._base = base
        self._headers = credentials.headers(key)

    async def ask(self, method: str, path: str = "", **query: str) -> bytes:
        url = self._base + SESSIONS + path + (f"?{urlencode(query)}" if query else "")
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=SILENCE_S)
        try:
            async with (
                aiohttp.ClientSession(headers=self._headers, timeout=timeout) as http,
                http.request(method, url, allow_redirects=False) as answer,
            ):
                if answer.status >= 300:
                    raise await denied(answer)
                return await answer.read()
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            raise Unreachable(f"{self._base} cannot be reached: {error or type(error).__name__}") from error


def main(argv: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(argv)
    try:
        server = Server(address(given.server), credentials.chosen(given.key))
    except ClientError as error:
        raise SettingsError(str(error)) from error
    work: Callable[[Server, argparse.Namespace], Awaitable[None]] = given.work
    asyncio.run(_done(work(server, given)))
    return 0


async def _done(work: Awaitable[None]) -> None:
    await work


def _parser() -> argparse.ArgumentParser:
    made = Parser(prog=PROGRAM, description="What was said in sessions: list it, read it, delete it.")
    commands = made.add_subparsers(required=True, metavar="list | show | delete")

    def command(name: str, purpose: str, work: Any) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=purpose, description=purpose)
        added.add_argument("--server", default=USUAL_SERVER, metavar="URL", help=f"(default: {USUAL_SERVER})")
        credentials.add_option(added)
        added.set_defaults(work=work)
        return added

    listed = command("list", "sessions, newest first", _list)
    listed.add_argument("--limit", type=int, default=20, metavar="N", help="so many at most (default: 20)")
    shown = command("show", "print a transcript", _show)
    shown.add_argument("id", metavar="ID", help="as `list` shows it")
    shown.add_argument("--format", choices=FORMATS, default="txt")
    shown.add_argument("--language", default="", metavar="LANGUAGE", help="in this one; without: as it was said")
    deleted = command("delete", "delete all that was said in these sessions", _delete)
    deleted.add_argument("ids", nargs="+", metavar="ID", help="as `list` shows it")
    return made


async def _list(server: Server, given: argparse.Namespace) -> None:
    left, before = max(1, given.limit), ""
    while left > 0:
        query = {"limit": str(min(left, PAGE))} | ({"before": before} if before else {})
        page = _read(await server.ask("GET", **query))
        for session in page.data:
            print(_line(session))
        left -= int(query["limit"])
        before = page.before or ""
        if not before:
            return


def _line(session: Session) -> str:
    began = datetime.fromtimestamp(session.began, UTC).strftime("%Y-%m-%d %H:%M") if session.began else "?"
    lasted = f"{(session.ended - session.began) / 60:.0f} min" if session.began and session.ended else "open"
    return f"{session.id:<20}  {began:<16}  {lasted:<8}  {session.source} -> {', '.join(session.targets) or 'text'}"


async def _show(server: Server, given: argparse.Namespace) -> None:
    query = {"format": given.format} | ({"language": given.language} if given.language else {})
    sys.stdout.buffer.write(await server.ask("GET", f"/{_quoted(given.id)}/transcript", **query))
    sys.stdout.buffer.write(b"\n" if given.format == "json" else b"")
    sys.stdout.flush()


async def _delete(server: Server, given: argparse.Namespace) -> None:
    for id in given.ids:
        await server.ask("DELETE", f"/{_quoted(id)}")
        print(f"{id} is deleted")


def _quoted(id: str) -> str:
    return quote(id, safe="")


def _read(body: bytes) -> Page:
    try:
        return msgspec.json.decode(body, type=Page)
    except msgspec.DecodeError as error:
        raise ProtocolViolation(f"the server answered what cannot be read: {error}") from error
