"""Processes are killed while somebody speaks; nothing is lost or repeated, and the client sees only a pause."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import started
from tests.system.conftest import SAID
from tests.system.stack import Stack, words

pytestmark = [pytest.mark.models, pytest.mark.timeout(180)]


PAUSE_S = 5.0


@pytest.mark.parametrize("victim", ["scheduler", "engines", "node", "nats", "node asleep"])
async def test_a_process_killed_in_the_middle_costs_nothing_but_time(running: Stack, spoken: Path, victim: str) -> None:
    """Or asleep, for so long that the session's actor has given it up. For the ingress see test_comeback.py."""
    victim, _, asleep = victim.partition(" ")
    running.until_ready()
    before = running.pid(victim)
    client = await started("stream", str(spoken), "--url", running.ws, "--target", "en", "--json")
    assert client.stdout is not None
    told: list[dict[str, Any]] = []
    async with asyncio.timeout(150):
        while line := await client.stdout.readline():
            told.append(json.loads(line))
            if told[-1]["type"] == "transcript.final" and told[-1]["utterance"] == 1:
                running.kill(victim, signal.SIGSTOP if asleep else signal.SIGKILL)
                if asleep:
                    asyncio.get_running_loop().call_later(PAUSE_S, running.kill, victim, signal.SIGCONT)
        await client.wait()
    assert client.returncode == 0, told
    finals = [event for event in told if event["type"] == "transcript.final"]
    assert [final["utterance"] for final in finals] == [1, 2, 3]
    assert [words(final["text"]) for final in finals] == [words(sentence) for sentence in SAID]
    translations = [event["utterance"] for event in told if event["type"] == "translation.final"]
    assert translations == [1, 2, 3]
    numbers = [event["n"] for event in told if "n" in event and event["type"] != "connection.resumed"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert told[-1]["lost"] == 0
    running.until_ready()
    assert (running.pid(victim) == before) == bool(asleep)


async def test_two_speakers_at_once_do_not_hear_each_other(running: Stack, spoken: Path) -> None:
    running.until_ready()

    async def speak(language: str) -> list[dict[str, Any]]:
        client = await started("stream", str(spoken), "--url", running.ws, *language.split(), "--json")
        out, _ = await client.communicate()
        assert client.returncode == 0
        return [json.loads(line) for line in out.splitlines()]

    async with asyncio.timeout(120):
        first, second = await asyncio.gather(speak(""), speak("--target en --no-speech"))
    for told in (first, second):
        assert [event["utterance"] for event in told if event["type"] == "transcript.final"] == [1, 2, 3]
    assert not [event for event in first if event["type"] == "translation.final"]
    assert first[0]["session"] != second[0]["session"]
