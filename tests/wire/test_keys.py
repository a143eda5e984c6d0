from __future__ import annotations

import pytest

from wire import keys


def test_a_key_says_what_it_is_and_no_two_are_alike() -> None:
    made = {keys.made(kind): kind for kind in (keys.KEY, keys.TOKEN, keys.CLIENT_SECRET) for _ in range(50)}
    assert len(made) == 150
    for text, kind in made.items():
        shape = keys.shape_of(text)
        assert shape is not None
        assert shape.kind == kind
        assert keys.is_id(shape.id)
        assert text.startswith(f"{kind}_{shape.id}_")
    assert len({keys.hash_of(text) for text in made}) == 150


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk-proj-abc",
        "dgm_abc_def",
        f"xyz_{'a' * 12}_{'b' * 32}",
        f"dgm_{'A' * 12}_{'b' * 32}",
        f"dgm_{'a' * 12}_{'b' * 33}",
        f"dgm_{'a' * 12}_{'b' * 31}\n",
        f"dgm_{'a' * 11}*_{'b' * 32}",
        f"dgm_{'a' * 11}>_{'b' * 32}",
    ],
)
def test_what_is_no_key(text: str) -> None:
    assert keys.shape_of(text) is None


def test_secrets_do_not_survive_a_log() -> None:
    key, token, secret = keys.made(keys.KEY), keys.made(keys.TOKEN), keys.made(keys.CLIENT_SECRET)
    jwt = "eyJhbGciOiJub25lIn0.eyJleHAiOjF9.c2ln"
    line = f"GET /?key={key} Bearer {token}, realtime, openai-insecure-api-key.{secret} {jwt}"
    told = keys.redacted(line)
    for each in (key, token, secret):
        assert each not in told
        assert each.rsplit("_", 1)[0] + "_…" in told
        assert each.rsplit("_", 1)[1] not in told
    assert "c2ln" not in told
    plain = "a week_of_rain, and eyJ by itself"
    assert keys.redacted(plain) == plain
