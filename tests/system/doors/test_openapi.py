"""Requests that are made from the OpenAPI document, thousands of them, right ones and wrong ones: every answer is as
documented, none is an error of the server's, none keeps anybody waiting, and nothing of them stays."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.system.doors.house import House, footprint, shrunk_to, sound

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "negative_data_rejection",
    "ensure_resource_availability",
    "ignored_auth",
)
SECONDS = 20
SEED = "5"
PATIENCE_S = 10


async def fuzzed(house: House, document: Path, seconds: int) -> tuple[int, str]:
    """Schemathesis' exit code, and what it says."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")), "run", str(document), "--url", house.url,
        "--header", f"Authorization: Bearer {house.ours}", "--max-time", str(seconds), "--seed", SEED,
        "--phases", "coverage,fuzzing,stateful",
        "--checks", ",".join(CHECKS), "--request-timeout", str(PATIENCE_S), "--generation-database", "none",
        "--continue-on-failure", "--no-color",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=document.parent,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def documented(house: House, folder: Path) -> Path:
    """The document as it is served, with names that are there in this house, so that requests get past the first
    look."""
    _, document, _ = await house.ask("GET", "/openapi.json")
    schemas = document["components"]["schemas"]
    for name in ("TranscriptionWanted", "TranslationWanted"):
        schemas[name]["properties"]["model"] = {"enum": ["whisper-1", "nothing"]}
    schemas["SpeechAsked"]["properties"] |= {"model": {"enum": ["tts-1"]}, "voice": {"enum": ["alloy"]}}
    path = folder / "openapi.json"
    path.write_text(json.dumps(document))
    return path


async def test_answers_are_as_documented_and_nothing_stays(house: House, tmp_path: Path) -> None:
    document = await documented(house, tmp_path)
    await house.transcribe(sound())
    await fuzzed(house, document, 2)  # what is loaded once is loaded
    before = await footprint(house)
    code, told = await fuzzed(house, document, SECONDS)
    assert code == 0, told
    now = await shrunk_to(house, before)
    assert now.memory_mb < before.memory_mb + 60
