from __future__ import annotations

from ingress.openai.refusals import Refused, unsupported
from wire.errors import ClientError


def test_a_refusal_names_the_field() -> None:
    error = unsupported("temperature", "no")
    assert isinstance(error, ClientError)
    assert (error.param, error.code, error.status, str(error)) == ("temperature", "unsupported_value", 400, "no")
    assert Refused("no", status=413).status == 413
