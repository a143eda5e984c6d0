from __future__ import annotations

from ingress.media import errors
from wire.errors import ClientError


def test_each_has_a_code_of_its_own_and_is_the_clients_to_mend() -> None:
    assert set(errors.KINDS) == {
        "media_unreadable",
        "media_without_audio",
        "media_too_long",
        "media_bomb",
        "media_stalled",
    }
    for code, kind in errors.KINDS.items():
        assert issubclass(kind, ClientError)
        assert (kind("no").code, kind("no").retryable) == (code, False)
