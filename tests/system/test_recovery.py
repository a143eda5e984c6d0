"""Processes are killed while somebody speaks; nothing is lost or repeated, and the client sees only a pause."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import jiwer
import pytest

from tests.cli.command import started
from tests.system.conftest import SAID
from tests.system.stack import Stack, words

pytestmark = [pytest.mark.models, pytest.mark.timeout(180)]


@pytest.mark.parametrize("victim", ["scheduler", "engines", "node", "nats"])
async def test_a_process_killed_in_the_middle_costs_nothing_but_time(running: Stack, spoken: Path, victim: str) -> None:
    running.until_ready()
    before = running.pid(victim)
    client = await started("stream", str(spoken), "--url", running.ws, "--target", "en", "--json")
    assert client.stdout is not None
    told: list[dict[str, Any]] = []
    async with asyncio.timeout(150):
        while line := await client.stdout.readline():
            told.append(json.loads(line))
            if told[-1]["type"] == "transcript.final" and told[-1]["utterance"] == 1:
                running.kill(victim)
        await client.wait()
    assert client.returncode == 0, told
    finals = [event for event in told if event["type"] == "transcript.final"]
    assert [final["utterance"] for final in finals] == [1, 2, 3]
    assert jiwer.wer(words(" ".join(SAID)), words(" ".join(final["text"] for final in finals))) <= 0.05
    numbers = [event["n"] for event in told if "n" in event]
    assert numbers == list(range(1, len(numbers) + 1))
    assert told[-1]["lost"] == 0
    running.until_ready()
    assert running.pid(victim) != before


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
