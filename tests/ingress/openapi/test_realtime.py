from __future__ import annotations

import jsonschema_rs
import msgspec

from ingress.openai.realtime.client_secrets import Secret
from ingress.openai.realtime.configuration import Configuration, shown
from ingress.openapi import document, realtime


def test_a_client_secret_is_as_documented() -> None:
    secret = Secret(value="ek_x", expires_at=1, session=shown(Configuration(), "sess_1", 1))
    schema = {"$ref": "#/components/schemas/ClientSecret", "components": document()["components"]}
    jsonschema_rs.validate(schema, msgspec.json.decode(msgspec.json.encode(secret)))
    assert set(realtime.SCHEMAS["ClientSecretWanted"]["properties"]) == {"session", "expires_after"}
