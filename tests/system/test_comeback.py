"""The ingress is killed while somebody speaks: the client comes back by itself, and not a word is lost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import started
from tests.system.stack import Stack, words

pytestmark = [pytest.mark.models, pytest.mark.timeout(180)]

SAID = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"


async def test_the_ingress_is_killed_in_the_middle_of_a_sentence(running: Stack, recordings: Path) -> None:
    running.until_ready()
    before = running.pid("ingress")
    client = await started("stream", str(recordings / "jfk.flac"), "--url", running.ws, "--json")
    assert client.stdout is not None
    told: list[dict[str, Any]] = []
    async with asyncio.timeout(150):
        told.append(json.loads(await client.stdout.readline()))
        asyncio.get_running_loop().call_later(5, running.kill, "ingress")
        while line := await client.stdout.readline():
            told.append(json.loads(line))
        await client.wait()
    assert client.returncode == 0, told
    kinds = [event["type"] for event in told]
    assert kinds.count("connection.lost") == kinds.count("connection.resumed") == kinds.count("session.resumed") == 1
    finals = [event for event in told if event["type"] == "transcript.final"]
    assert words(" ".join(final["text"] for final in finals)) == SAID, told
    numbers = [event["n"] for event in told if "n" in event and event["type"] != "connection.resumed"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert told[-1]["lost"] == 0
    assert told[0].get("token") is None
    running.until_ready()
    assert running.pid("ingress") != before
