from __future__ import annotations

import pytest

from cli import credentials
from wire import env
from wire.errors import ClientError


def test_the_flag_goes_before_the_variable() -> None:
    assert credentials.chosen(None, {}) == ""
    assert credentials.chosen(None, {"DRAGOMAN_KEY": "dk-1"}) == "dk-1"
    assert credentials.chosen("dk-2", {"DRAGOMAN_KEY": "dk-1"}) == "dk-2"
    assert credentials.chosen("", {"DRAGOMAN_KEY": "dk-1"}) == ""


@pytest.mark.parametrize("key", ["two words", "line\r\nX-Other: 1", "schlüssel", "a" * 8193])
def test_what_can_be_no_key_is_refused_and_not_shown(key: str) -> None:
    for flag, environ in ((key, {}), (None, {"DRAGOMAN_KEY": key})):
        with pytest.raises(ClientError) as refused:
            credentials.chosen(flag, environ)
        assert key not in str(refused.value)


def test_it_is_shown_in_a_header_alone() -> None:
    assert credentials.headers("dk-1") == {"Authorization": "Bearer dk-1"}
    assert credentials.headers("") == {}


def test_processes_do_not_take_the_variable_for_a_setting() -> None:
    assert env.load(env.IngressSettings, environ={"DRAGOMAN_KEY": "dk-1"}) == env.IngressSettings()
