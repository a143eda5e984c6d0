"""`dragoman keys`: API keys, and what tenants may use.

    create --tenant NAME        a new key, printed once; only its hash is kept. With --admin it is an operator's
    list                        all keys, those that are revoked too
    revoke ID…                  they stop working within a second, and what runs under them ends
    tenant NAME [--sessions …]  set limits (0: none), and show what is used
    tenants                     all tenants, with limits and use

Everything is in the buckets `keys`, `tenants` and `usage`: this command needs nothing but NATS, and the ingresses learn
of each change at once. Whoever reaches NATS can make keys, so NATS is for the operator's own hosts alone.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from wire import env, keys, login, process, subjects
from wire.bus import Bus
from wire.errors import ClientError, SettingsError
from wire.kv import Bucket
from wire.records import KeyRecord, TenantRecord, UsageRecord
from wire.usage import audio_in, bytes_in, requests_in, sessions_in

PROGRAM = "dragoman keys"
DEFAULT_TENANT = "default"
MAX_NAME = 64
AS_SET = -1.0
PERIODS = {"m": 60, "h": 3600, "d": 24 * 3600}
SIZES = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}

Work = Callable[[Bus, argparse.Namespace], Coroutine[Any, Any, None]]


def main(argv: Sequence[str] | None = None) -> int:
    try:
        given = _parser().parse_args(argv)
        settings = env.load(env.Settings, {"nats_url": given.nats_url}, config=given.config)
        asyncio.run(_done(settings, given))
    except ClientError as error:
        raise SettingsError(str(error)) from error
    return 0


async def _done(settings: env.Settings, given: argparse.Namespace) -> None:
    async with Bus.connect(settings.nats_url, "keys", login.of(settings), patience=5) as bus:
        await bus.declare()
        work: Work = given.work
        await work(bus, given)


def _parser() -> process.Parser:
    made = process.Parser(prog=PROGRAM, description="Make and revoke API keys, and set what tenants may use.")
    commands = made.add_subparsers(required=True, metavar="create | list | revoke | tenant | tenants")

    def command(name: str, purpose: str, work: Work) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=purpose, description=purpose)
        added.add_argument("--config", default="", metavar="FILE", help="TOML file with settings")
        added.add_argument("--nats-url", metavar="URL", help="where NATS is")
        added.set_defaults(work=work)
        return added

    created = command("create", "make a key and print it, once", _create)
    created.add_argument("--tenant", default=DEFAULT_TENANT, type=_told(_tenant), help="whose it is")
    created.add_argument("--name", default="", type=_told(_name), help="what it is for, as `list` shows it")
    created.add_argument("--expires", default=0.0, type=_told(period), metavar="30d", help="it ends then (m, h, d)")
    created.add_argument("--admin", action="store_true", help="it opens the dashboard, and sees all tenants")
    command("list", "all keys", _list)
    revoked = command("revoke", "let keys work no more", _revoke)
    revoked.add_argument("ids", nargs="+", metavar="ID", help="as `list` shows it")
    limited = command("tenant", "set and show what a tenant may use; 0: no limit", _limit)
    limited.add_argument("tenant", type=_told(_tenant))
    limited.add_argument("--sessions", type=_told(count), help="at once")
    limited.add_argument("--requests", type=_told(count), help="a minute")
    limited.add_argument("--audio-minutes", type=_told(minutes), help="a day")
    limited.add_argument("--bytes", type=_told(size), metavar="5GB", help="of uploads, a day")
    limited.add_argument(
        "--history-days",
        type=_told(days),
        metavar="30",
        help="transcripts are kept for so long (0: not at all; default: as the scheduler's setting says)",
    )
    command("tenants", "all tenants", _tenants)
    return made


# --- keys -------------------------------------------------------------------------------------------------------------


async def create(bus: Bus, tenant: str, name: str, expires: float = 0.0, *, admin: bool = False) -> str:
    """A new key, which nobody can ask for again. `expires`: seconds since the epoch; 0: never. Raises QueueFull,
    NatsUnavailable."""
    text = keys.made(keys.KEY)
    shape = keys.shape_of(text)
    assert shape is not None
    record = KeyRecord(
        hash=keys.hash_of(text), tenant=tenant, name=name, created=round(time.time(), 3), expires=expires, admin=admin
    )
    await Bucket(bus, subjects.KEYS_KV, KeyRecord).create(shape.id, record)
    return text


async def exist(bus: Bus) -> bool:
    """Whether there is any key, revoked or not. Raises NatsUnavailable."""
    return bool(await Bucket(bus, subjects.KEYS_KV, KeyRecord).items())


async def _create(bus: Bus, given: argparse.Namespace) -> None:
    expires = round(time.time() + given.expires, 3) if given.expires else 0.0
    text = await create(bus, given.tenant, given.name, expires, admin=given.admin)
    until = f", until {_day(expires)}" if expires else ""
    kind = "An admin key" if given.admin else "A key"
    print(f"{kind} for tenant {given.tenant}{until}. It is shown only now: keep it well.", file=sys.stderr)
    print(text)


async def _list(bus: Bus, given: argparse.Namespace) -> None:
    found = await Bucket(bus, subjects.KEYS_KV, KeyRecord).items()
    now = time.time()
    rows = [
        (id, key.tenant, key.name, _day(key.created), _day(key.expires) if key.expires else "never", _state(key, now))
        for id, key in sorted(found.items(), key=lambda each: each[1].created)
    ]
    _print(("id", "tenant", "name", "made", "expires", "state"), rows, "there are no keys: `dragoman keys create`")


def _state(key: KeyRecord, now: float) -> str:
    good = "good, admin" if key.admin else "good"
    return "revoked" if key.revoked else "expired" if key.expires and key.expires <= now else good


async def _revoke(bus: Bus, given: argparse.Namespace) -> None:
    """Raises ClientError where one is not there; the others are revoked all the same."""
    bucket = Bucket(bus, subjects.KEYS_KV, KeyRecord)
    unknown = []
    for text in given.ids:
        shape = keys.shape_of(text)
        id = shape.id if shape is not None else text  # whoever has nothing but the key gives that
        key = await bucket.get(id) if keys.is_id(id) else None
        if key is None:
            unknown.append(keys.redacted(text))
        else:
            await bucket.put(id, msgspec.structs.replace(key, revoked=True))
            print(f"{id} works no more")
    if unknown:
        raise ClientError(f"there is no key {', '.join(unknown)}: `dragoman keys list` shows those that there are")


# --- tenants ----------------------------------------------------------------------------------------------------------


async def _limit(bus: Bus, given: argparse.Namespace) -> None:
    bucket = Bucket(bus, subjects.TENANTS_KV, TenantRecord)
    limits = await bucket.get(given.tenant) or TenantRecord()
    named = {name: getattr(given, name) for name in TenantRecord.__struct_fields__}
    changes = {name: value for name, value in named.items() if value is not None}
    if changes:
        limits = msgspec.structs.replace(limits, **{name: _unset(value) for name, value in changes.items()})
        await bucket.put(given.tenant, limits)
    await _show(bus, {given.tenant: limits})


async def _tenants(bus: Bus, given: argparse.Namespace) -> None:
    limits = await Bucket(bus, subjects.TENANTS_KV, TenantRecord).items()
    owners = {key.tenant for key in (await Bucket(bus, subjects.KEYS_KV, KeyRecord).items()).values()}
    await _show(bus, {tenant: limits.get(tenant, TenantRecord()) for tenant in sorted({*limits, *owners})})


async def _show(bus: Bus, limits: dict[str, TenantRecord]) -> None:
    """What these tenants use, of what they may."""
    used: dict[str, list[UsageRecord]] = {}
    for key, record in (await Bucket(bus, subjects.USAGE_KV, UsageRecord).items()).items():
        used.setdefault(key.partition(".")[0], []).append(record)
    now, rows = time.time(), []
    for tenant, each in limits.items():
        records = used.get(tenant, [])
        rows.append(
            (
                tenant,
                _of(f"{sessions_in(records, now)}", f"{each.sessions}"),
                _of(f"{requests_in(records, now)}", f"{each.requests}"),
                _of(f"{audio_in(records, now) / 60:.1f}", f"{each.audio_minutes:g}"),
                _of(f"{bytes_in(records, now) / 1e6:.1f}", f"{each.bytes / 1e6:g}"),
                "as set" if each.history_days is None else f"{each.history_days:g} days",
            )
        )
    header = ("tenant", "sessions now", "requests this minute", "minutes of audio today", "MB today", "history")
    _print(header, rows, "there are no tenants: `dragoman keys create --tenant NAME` makes one")


def _of(used: str, limit: str) -> str:
    return used if limit == "0" else f"{used} of {limit}"


def _print(header: Sequence[str], rows: Iterable[Sequence[str]], otherwise: str) -> None:
    lines = [header, *rows]
    if len(lines) == 1:
        print(otherwise)
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


# --- what is given ----------------------------------------------------------------------------------------------------


def _told(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """For argparse, which shows a message of this kind alone."""

    def checked(text: str) -> Any:
        try:
            return read(text)
        except ClientError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return checked


def period(text: str) -> float:
    """Seconds, from "30d", "12h" or "90m". Raises ClientError."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if found is None or not int(found[1]):
        raise ClientError(f"{text!r} is no period: give one such as 30d, 12h or 90m")
    return float(int(found[1]) * PERIODS[found[2]])


def size(text: str) -> int:
    """Bytes, from "5GB", "500 MB" or "1000". Raises ClientError."""
    found = re.fullmatch(r"(\d{1,15})\s*(|KB|MB|GB|TB)", text.strip().upper())
    if found is None:
        raise ClientError(f"{text!r} is no size: give one such as 5GB or 500MB")
    return int(found[1]) * SIZES[found[2]]


def count(text: str) -> int:
    """Raises ClientError."""
    if not re.fullmatch(r"\d{1,9}", text):
        raise ClientError(f"{text!r} is no number: give one from 0 (no limit)")
    return int(text)


def days(text: str) -> float:
    """AS_SET for "default". Raises ClientError."""
    if text == "default":
        return AS_SET
    if not re.fullmatch(r"\d{1,4}(\.\d+)?", text):
        raise ClientError(f"{text!r} is no number of days: give one from 0 (nothing is kept), or default")
    return float(text)


def _unset(value: float) -> float | None:
    return None if value == AS_SET else value


def minutes(text: str) -> float:
    """Raises ClientError."""
    if not re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        raise ClientError(f"{text!r} is no number of minutes: give one from 0 (no limit)")
    return float(text)


def _tenant(text: str) -> str:
    try:
        return subjects.token(text)
    except ValueError as error:
        raise ClientError(str(error)) from error


def _name(text: str) -> str:
    if len(text) > MAX_NAME or not text.isprintable():
        raise ClientError(f"a name has at most {MAX_NAME} characters that can be printed")
    return text
