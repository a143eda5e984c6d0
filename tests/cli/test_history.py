"""`dragoman history` against a real ingress."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from tests.cli.command import dragoman
from tests.ingress import client
from tests.ingress.access.doors import given
from tests.ingress.history.test_door import keep
from tests.nats_server import NatsServer
from wire.bus import Bus


@pytest.fixture
async def at(server: NatsServer, bus: Bus) -> AsyncIterator[dict[str, str]]:
    """Where the server is, and a key of the tenant `ours`."""
    key = await given(bus, "ours")
    async with client.ingress(server.url) as url:
        yield {"server": url, "key": key}


async def test_sessions_are_listed_shown_and_deleted(at: dict[str, str], bus: Bus) -> None:
    for number in range(3):
        await keep(bus, "ours", f"s{number}")
    await keep(bus, "theirs", "t1")
    where, key = ("--server", at["server"]), at["key"]
    listed = await dragoman("history", "list", "--limit", "2", *where, DRAGOMAN_KEY=key)
    assert (listed.code, [line.split()[0] for line in listed.out.splitlines()]) == (0, ["s2", "s1"])
    assert "auto -> fr" in listed.out
    shown = await dragoman("history", "show", "s1", *where, DRAGOMAN_KEY=key)
    assert (shown.code, shown.out) == (0, "Hello from s1.\n")
    french = await dragoman("history", "show", "s1", "--format", "srt", "--language", "fr", *where, DRAGOMAN_KEY=key)
    assert "Bonjour." in french.out
    whole = await dragoman("history", "show", "s1", "--format", "json", *where, "--key", key)
    assert json.loads(whole.out)["session"] == "s1"
    assert (await dragoman("history", "delete", "s1", "s2", *where, DRAGOMAN_KEY=key)).code == 0
    left = await dragoman("history", "list", *where, DRAGOMAN_KEY=key)
    assert [line.split()[0] for line in left.out.splitlines()] == ["s0"]


async def test_what_cannot_be_done_is_said_in_a_line(at: dict[str, str]) -> None:
    where = ("--server", at["server"])
    refused = await dragoman("history", "list", *where)
    assert (refused.code, "DRAGOMAN_KEY" in refused.complaint) == (1, True)
    missing = await dragoman("history", "show", "none", *where, DRAGOMAN_KEY=at["key"])
    assert (missing.code, "no such session" in missing.complaint) == (1, True)
    away = await dragoman("history", "list", "--server", "http://127.0.0.1:1")
    assert (away.code, "cannot be reached" in away.complaint) == (1, True)
    assert (await dragoman("history", "list", "--server", "nowhere at all")).code == 2
    assert (await dragoman("history", "show")).code == 2
