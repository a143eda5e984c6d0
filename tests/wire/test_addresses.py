from __future__ import annotations

import pytest

from wire.addresses import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost", "LOCALHOST."])
def test_only_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "192.168.1.2", "localhost.evil.org", "example.org", "127.0.0.1.x", "127.1"]
)
def test_others_too(host: str) -> None:
    assert not is_loopback(host)
