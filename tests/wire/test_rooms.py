from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.rooms import ALPHABET, CODE_LENGTH, code_of


@given(st.text(ALPHABET, min_size=CODE_LENGTH, max_size=CODE_LENGTH))
def test_a_code_is_read_however_it_is_written(code: str) -> None:
    for written in (code, code.lower(), f" {code[:4]}-{code[4:]} ", " ".join(code)):
        assert code_of(written) == code


@pytest.mark.parametrize("text", ["", "K7MQ3RT", "K7MQ3RTXX", "K7MQ3RT0", "K7MQ3RT.", "K7MQ3RTÄ", "*", "K7MQ.3RT"])
def test_what_is_no_code_is_none(text: str) -> None:
    assert code_of(text) is None


def test_nothing_in_a_code_is_mistaken_for_another() -> None:
    assert not set("0O1IL") & set(ALPHABET)
    assert len(set(ALPHABET)) == len(ALPHABET)
    assert len(ALPHABET) ** CODE_LENGTH > 2**39
