from __future__ import annotations

import pytest

from ingress.access.refusals import Unauthorized
from ingress.access.shown import check_url, shown
from wire import keys
from wire.errors import ClientError


@pytest.mark.parametrize(
    ("authorization", "protocols", "found"),
    [
        ([], [], ""),
        (["Bearer abc"], [], "abc"),
        (["bearer  abc "], [], "abc"),
        ([], ["dragoman, dragoman.key.abc"], "abc"),
        ([], ["dragoman", "dragoman.key.a.b-c_d"], "a.b-c_d"),
        ([], ["realtime,openai-insecure-api-key.ek_1,openai-beta.realtime-v1"], "ek_1"),
        (["Bearer abc"], ["dragoman, dragoman.key.def"], "abc"),
        ([], ["dragoman"], ""),
    ],
)
def test_where_keys_are_shown(authorization: list[str], protocols: list[str], found: str) -> None:
    assert shown(authorization, protocols) == found


@pytest.mark.parametrize(
    ("authorization", "protocols"),
    [
        (["Basic abc"], []),
        (["abc"], []),
        (["Bearer"], []),
        (["Bearer "], []),
        (["Bearer a", "Bearer b"], []),
        ([], ["dragoman.key.a, dragoman.key.b"]),
    ],
)
def test_what_cannot_be_a_key_is_told(authorization: list[str], protocols: list[str]) -> None:
    with pytest.raises(Unauthorized):
        shown(authorization, protocols)


@pytest.mark.parametrize("query", [{"api_key": "x"}, {"Token": ""}, {"a": keys.made(keys.KEY)}, {"access_token": "j"}])
def test_a_key_in_an_address_is_refused_with_what_is_right(query: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="Authorization: Bearer") as caught:
        check_url(query)
    assert caught.value.code == "key_in_url"
    assert not any(value and value in str(caught.value) for value in query.values() if len(value) > 3)


def test_other_addresses_are_fine() -> None:
    check_url({"intent": "transcription", "model": "dragoman", "after": "17"})
