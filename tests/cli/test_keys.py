"""`dragoman keys` against a real server, in this process: what it prints, and what stands in the buckets."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable

import pytest

from cli import keys as command
from cli.main import main
from tests.cli.command import dragoman
from tests.nats_server import NatsServer
from wire import keys, subjects
from wire.bus import Bus
from wire.errors import ClientError
from wire.kv import Bucket
from wire.records import KeyRecord, TenantRecord, UsageRecord
from wire.usage import day_of, minute_of

Told = Callable[..., tuple[str, str]]


@pytest.fixture
def told(server: NatsServer, capsys: pytest.CaptureFixture[str]) -> Told:
    """(stdout, stderr) of a command that succeeds."""

    def run(*arguments: str) -> tuple[str, str]:
        assert main(["keys", *arguments, "--nats-url", server.url]) == 0
        printed = capsys.readouterr()
        return printed.out, printed.err

    return run


def test_a_key_is_printed_once_listed_and_revoked(server: NatsServer, told: Told) -> None:
    assert "dragoman keys create" in told("list")[0]
    out, err = told("create", "--tenant", "acme", "--name", "web", "--expires", "30d")
    key = out.strip()
    shape = keys.shape_of(key)
    assert shape is not None
    assert shape.kind == keys.KEY
    assert "only now" in err
    secret = key.rsplit("_", 1)[1]

    async def stored() -> tuple[KeyRecord, bytes]:
        async with Bus.connect(server.url, "test") as bus:
            raw = await bus.last("KV_" + subjects.KEYS_KV, f"$KV.{subjects.KEYS_KV}.{shape.id}")
            record = await Bucket(bus, subjects.KEYS_KV, KeyRecord).get(shape.id)
            assert raw is not None
            assert record is not None
            return record, raw.data

    record, raw = asyncio.run(stored())
    assert (record.tenant, record.name, record.hash) == ("acme", "web", keys.hash_of(key))
    assert record.expires == pytest.approx(time.time() + 30 * 86_400, abs=60)
    assert json.loads(raw)["tenant"] == "acme", "readable by people"
    assert secret.encode() not in raw

    other = told("create")[0].strip()
    listed = told("list")[0]
    assert re.search(rf"{shape.id} +acme +web .* good\n", listed)
    assert secret not in listed
    assert shape.id in told("revoke", shape.id)[0]
    assert re.search(rf"{shape.id} .* revoked\n", told("list")[0])
    assert asyncio.run(stored())[0].revoked
    told("revoke", other)  # whoever has only the key itself gives that
    assert "good" not in told("list")[0]


def test_an_unknown_id_is_told_without_repeating_a_secret(
    server: NatsServer, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    key = keys.made(keys.KEY)
    for wrong in ("nothing", key, "*", ">"):
        assert main(["keys", "revoke", wrong, "--nats-url", server.url]) == 2
        complaint = capsys.readouterr().err
        assert "there is no key" in complaint
        assert key not in complaint


def test_tenants_with_what_they_may_and_what_they_use(server: NatsServer, told: Told) -> None:
    assert "no tenants" in told("tenants")[0]
    told("tenant", "acme", "--sessions", "10", "--requests", "600", "--audio-minutes", "600", "--bytes", "5GB")
    told("tenant", "acme", "--requests", "60")

    async def used() -> TenantRecord | None:
        now = time.time()
        async with Bus.connect(server.url, "test") as bus:
            for name in ("one", "two"):
                record = UsageRecord(
                    sessions=1, minute=minute_of(now), requests=4, day=day_of(now), audio_s=90, bytes=10**6, at=now
                )
                await Bucket(bus, subjects.USAGE_KV, UsageRecord).put(subjects.usage_key("acme", name), record)
            return await Bucket(bus, subjects.TENANTS_KV, TenantRecord).get("acme")

    limits = TenantRecord(sessions=10, requests=60, audio_minutes=600, bytes=5 * 10**9)
    assert asyncio.run(used()) == limits
    assert "as set" in told("tenant", "acme")[0]
    assert "0 days" in told("tenant", "acme", "--history-days", "0")[0]
    assert "2.5 days" in told("tenant", "acme", "--history-days", "2.5")[0]
    assert "as set" in told("tenant", "acme", "--history-days", "default")[0]
    told("create", "--tenant", "other")
    lines = told("tenants")[0].splitlines()
    assert re.match(r"acme +2 of 10 +\d of 60 +3\.0 of 600 +2\.0 of 5000 +as set$", lines[1]), lines
    assert re.match(r"other +0 +0 +0\.0 +0\.0 +as set$", lines[2]), lines


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "--tenant", "a.b"], ["create", "--tenant", ""], ["create", "--expires", "soon"],
        ["create", "--expires", "0d"], ["create", "--name", "a\nb"], ["tenant", "x", "--sessions", "-1"],
        ["tenant", "x", "--bytes", "5 apples"], ["tenant", "x", "--audio-minutes", "nan"], ["tenant", "*"], [],
        ["tenant", "x", "--history-days", "long"],
        ["forge"],
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_asked(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["keys", *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


async def test_nats_away_is_a_line() -> None:
    ended = await dragoman("keys", "list", "--nats-url", "nats://127.0.0.1:1")
    assert ended.code == 1
    assert "nats://127.0.0.1:1" in ended.complaint


def test_periods_and_sizes() -> None:
    assert (command.period("90m"), command.period("12h"), command.period("30d")) == (5400, 43_200, 2_592_000)
    assert (command.size("5GB"), command.size("500 mb"), command.size("7")) == (5 * 10**9, 5 * 10**8, 7)
    with pytest.raises(ClientError):
        command.size("5GiB")


def test_an_admin_key_says_so(server: NatsServer, told: Told) -> None:
    out, err = told("create", "--admin", "--name", "ops")
    assert "An admin key" in err
    shape = keys.shape_of(out.strip())
    assert shape is not None
    assert re.search(rf"{shape.id} .* good, admin\n", told("list")[0])
