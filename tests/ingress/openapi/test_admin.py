from __future__ import annotations

import jsonschema_rs
import msgspec

from ingress.openapi import document
from tests.ingress.admin.test_told import STATE


def test_the_state_is_as_documented() -> None:
    schema = {"$ref": "#/components/schemas/FleetState", "components": document()["components"]}
    jsonschema_rs.validate(schema, msgspec.json.decode(msgspec.json.encode(STATE)))
