from __future__ import annotations

from collections.abc import Callable

import pytest

from ingress.openai.fields import Fields, within
from ingress.openai.refusals import Refused


def test_the_forms_in_which_clients_write_fields() -> None:
    fields = Fields(
        [("a", "1"), ("list[]", "x"), ("list[]", "y"), ("plain", "p"), ("plain", "q"), ("numbered[0]", "n"),
         ("object[type]", "t"), ("object[size]", "2"), ("empty", " ")]
    )  # fmt: skip
    assert fields.one("a") == "1"
    assert fields.all("list") == ["x", "y"]
    assert fields.all("plain") == ["p", "q"]
    assert fields.all("numbered") == ["n"]
    assert fields.parts("object") == {"type": "t", "size": "2"}
    assert (fields.one("empty"), fields.one("nobody"), fields.all("nobody"), fields.parts("nobody")) == ("", "", [], {})
    fields.nothing_else()


@pytest.mark.parametrize(
    ("read", "param", "code"),
    [
        (lambda fields: fields.one("twice"), "twice", "invalid_value"),
        (lambda fields: fields.choice("odd", ("one", "two"), "one"), "odd", "invalid_value"),
        (lambda fields: fields.number("odd", 0, 1), "odd", "invalid_value"),
        (lambda fields: fields.nothing_else(), "twice", "unknown_parameter"),
    ],
)
def test_what_is_wrong_is_refused_by_name(read: Callable[[Fields], object], param: str, code: str) -> None:
    fields = Fields([("twice", "1"), ("twice", "2"), ("odd", "seven")])
    with pytest.raises(Refused, match=param) as caught:
        read(fields)
    assert (caught.value.param, caught.value.code, caught.value.status) == (param, code, 400)


def test_an_object_that_nobody_asked_for_is_refused_too() -> None:
    fields = Fields([("strange[part]", "1")])
    with pytest.raises(Refused, match="strange"):
        fields.nothing_else()


@pytest.mark.parametrize("text", ["2", "-0.1", "nan", "inf", "much", ""])
def test_a_number_lies_within_its_bounds(text: str) -> None:
    assert within("n", "0.5", 0, 1) == 0.5
    with pytest.raises(Refused, match="from 0 to 1"):
        within("n", text, 0, 1)
