from __future__ import annotations

from ingress.openapi import parts


def test_an_answer_without_a_schema_has_no_body() -> None:
    assert parts.answer("Gone.") == {"description": "Gone."}
    assert parts.answer("Here.", parts.STRING, parts.TEXT)["content"] == {"text/plain": {"schema": {"type": "string"}}}


def test_an_object_says_what_must_be_there() -> None:
    made = parts.shaped({"id": parts.STRING}, reason=parts.STRING)
    assert (list(made["properties"]), made["required"]) == (["id", "reason"], ["id"])
