"""The documents: links lead somewhere, and docs/protocol.md says what wire/protocol.py does."""

from __future__ import annotations

import re
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from wire import protocol
from wire.audio import MAX_CLIENT_RATE, MIN_CLIENT_RATE
from wire.env import IngressSettings

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in ("node_modules", "build") for part in path.relative_to(ROOT).parts)
)
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Of headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)[^)]*\)|(?:src|href)=\"([^\"]+)\"", text):
        address, _, anchor = (link[0] or link[1]).partition("#")
        if re.match(r"[a-z]+:", address):
            continue
        target = (page.parent / address).resolve() if address else page
        if not target.exists() or ROOT not in (target, *target.parents):
            lost.append(address)
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            lost.append(f"{address}#{anchor}")
    assert not lost, f"{page.name} links to what is not there: {lost}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_are_named_in_code_type_are_there(page: Path) -> None:
    named = re.findall(
        r"`((?:wire|actors|node_runtime|ingress|cli|deploy|bench|docs|tests)/[\w/.-]+\.\w+)`", page.read_text()
    )
    lost = [name for name in named if not (ROOT / name).exists()]
    assert not lost, f"{page.name} names files that are not there: {lost}"


# --- the protocol page ----------------------------------------------------------------------------------------------


def section(heading: str) -> str:
    return PROTOCOL.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]


def tag(kind: type[Any]) -> str:
    return str(kind.__struct_config__.tag)


EVENTS = {tag(kind): kind for kind in typing.get_args(protocol.AnyClientEvent)}
REQUESTS = {tag(kind): kind for kind in typing.get_args(protocol.AnyClientRequest)}


def documented_events() -> dict[str, list[str]]:
    """Event type -> fields, from the table of what the server sends. Fields of "maybe" come after the others."""
    rows = re.findall(r"^\| `([a-z.]+)` \| (.*?) \|", section("What the server sends as JSON"), re.MULTILINE)
    return {name: " ".join(re.findall(r"`([^`]+)`", fields)).split() for name, fields in rows}


def test_every_event_is_documented_and_no_other() -> None:
    assert set(documented_events()) == set(EVENTS)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_events_fields_are_documented_and_no_other(name: str) -> None:
    fields = documented_events()[name]
    assert len(set(fields)) == len(fields)
    assert {"n", *fields} == set(EVENTS[name].__struct_fields__)


def test_events_that_are_never_stored_are_said_to_be_live() -> None:
    rows = dict(re.findall(r"^\| `([a-z.]+)` \| (.*)$", section("What the server sends as JSON"), re.MULTILINE))
    live = {name for name, rest in rows.items() if "`n" not in rest.split("|")[0] and "live" in rest}
    assert {name for name in EVENTS if "n" not in documented_events()[name]} == live | set()


def documented_requests() -> dict[str, set[str]]:
    """Request type -> fields. Openings have a table of their fields each, the others are shown as JSON."""
    found: dict[str, set[str]] = {}
    for shown in re.findall(r"`(\{\"type\":.*?\})`", section("What the client sends")):
        keys = re.findall(r"\"(\w+)\":", re.sub(r":\[.*?\]", ":[]", shown))
        found[re.findall(r"\"type\":\"([a-z.]+)\"", shown)[0]] = set(keys) - {"type"}
    for part in re.split(r"\n(?=[^|\n])", PROTOCOL):
        if named := re.search(r"\| `type` \| string \|[^|]*\| `([a-z.]+)`", part):
            found[named[1]] = set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) - {"type"}
    return found


def test_every_request_is_documented_with_its_fields_and_no_other() -> None:
    assert documented_requests() == {name: set(kind.__struct_fields__) for name, kind in REQUESTS.items()}


def test_defaults_of_the_opening_are_documented() -> None:
    first = section("What the client sends").split("After `session.started`")[0]
    shown = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| `([^`]+)` \|", first, re.MULTILINE))
    opening = protocol.StartRequest()
    for field in protocol.StartRequest.__struct_fields__:
        assert msgspec.json.decode(shown[field]) == msgspec.to_builtins(getattr(opening, field))


def test_numbers_are_those_of_the_code() -> None:
    text = " ".join(PROTOCOL.split())
    settings = IngressSettings()
    assert f"{MIN_CLIENT_RATE} to {MAX_CLIENT_RATE} Hz" in text
    assert f"at most {settings.max_frame_bytes:,} bytes a message" in text
    assert f"({settings.max_speed:g} times by default" in text
    assert f"{settings.idle_timeout_s / 60:g} minutes" in text
