"""The document against what is there: the routes, the schemas that it names, and the file in docs/."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
from aiohttp import web

from ingress import app
from ingress.openapi import document, written
from ingress.openapi.document import EVERYWHERE, WITH_KEYS
from ingress.shared import Ingress
from ingress.vad import SpeechModel
from wire.bus import Bus
from wire.env import IngressSettings
from wire.fleet import FleetView

ROOT = Path(__file__).resolve().parents[3]
METHODS = {"get", "put", "post", "delete", "patch"}


def routes(router: web.UrlDispatcher) -> Iterator[tuple[str, str]]:
    """(method, path as the document writes it); HEAD comes with each GET by itself."""
    for route in router.routes():
        assert route.resource is not None
        path = route.resource.canonical
        if isinstance(route.resource, web.StaticResource):
            path += "/{file}"
        if route.method != "HEAD":
            yield route.method.lower(), path


def documented() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document()["paths"].items():
        for method in METHODS & set(item):
            yield method, path, item[method]


async def test_every_route_is_documented_and_no_other(bus: Bus, model: SpeechModel) -> None:
    router = app.build(Ingress(IngressSettings(), bus, FleetView(), model)).router
    there, told = set(routes(router)), {(method, path) for method, path, _ in documented()}
    assert there - told == set(), "these routes are not documented: write them into ingress/openapi/"
    assert told - there == set(), "these are documented and not there"


def test_the_file_is_what_is_served() -> None:
    """If not: python -m ingress.openapi > docs/openapi.json"""
    assert (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8") == written()


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "$ref":
                yield each
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_what_is_referred_to_is_there_and_nothing_else() -> None:
    components = document()["components"]
    schemes = {name for each in document()["security"] for name in each}
    found = {*references(document()), *(f"#/components/securitySchemes/{name}" for name in schemes)}
    assert found == {f"#/components/{kind}/{name}" for kind, named in components.items() for name in named}


def test_every_schema_is_one() -> None:
    definitions = {"$schema": "https://json-schema.org/draft/2020-12/schema", **document()}
    for name in document()["components"]["schemas"]:
        jsonschema_rs.validator_for({**definitions, "$ref": f"#/components/schemas/{name}"})


def test_each_operation_says_what_it_is_and_what_it_answers() -> None:
    for method, path, operation in documented():
        about = f"{method} {path}"
        assert operation["summary"], about
        assert operation["responses"], about
        assert all(
            re.fullmatch(r"[1-5]\d\d", status) and each["description"]
            for status, each in operation["responses"].items()
        ), about
        named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), about


def test_it_is_json() -> None:
    assert json.loads(written()) == document()


def test_every_door_says_what_may_happen_before_it() -> None:
    for _, path, operation in documented():
        common = EVERYWHERE if operation.get("security") == [] else WITH_KEYS
        assert set(common) <= set(operation["responses"]), path
        assert "500" not in operation["responses"] or path.startswith(("/v1/audio/",)), path
