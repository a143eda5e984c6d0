from __future__ import annotations

import pytest

from ingress.access.origins import is_called_rightly, is_ours


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("https://talk.example.org", "talk.example.org"),
        ("https://talk.example.org", "talk.example.org:443"),
        ("https://TALK.example.org:443", "talk.example.org"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_a_page_of_ours(origin: str, host: str) -> None:
    assert is_ours(origin, host, [])


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.org", "127.0.0.1:8080"),
        ("http://127.0.0.1:9090", "127.0.0.1:8080"),
        ("http://127.0.0.1", "127.0.0.1:8080"),
        ("null", "127.0.0.1:8080"),
        ("file://", "127.0.0.1:8080"),
        ("", ""),
        ("http://talk.example.org.evil.org", "talk.example.org"),
        ("http://evil.org/talk.example.org", "talk.example.org"),
        ("http://talk.example.org@evil.org", "talk.example.org"),
        ("http://user@talk.example.org", "talk.example.org"),
        ("http://talk.example.org:x", "talk.example.org"),
        ("http://[::1", "[::1]"),
        ("http://evil.org", "evil.org@127.0.0.1"),
    ],
)
def test_a_page_from_elsewhere(origin: str, host: str) -> None:
    assert not is_ours(origin, host, [])
    assert not is_ours(origin, host, ["https://other.example.org"])


def test_pages_that_the_operator_named() -> None:
    named = ["https://app.example.org"]
    assert is_ours("https://app.example.org", "talk.example.org", named)
    assert not is_ours("http://app.example.org", "talk.example.org", named)
    assert is_ours("https://anything.at.all", "talk.example.org", ["*"])


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080", "x.localhost:1", "talk.example.org"])
def test_names_that_a_loopback_server_has(host: str) -> None:
    assert is_called_rightly(host, ["https://talk.example.org"])


@pytest.mark.parametrize(
    "host", ["", "evil.org", "evil.org:8080", "127.0.0.1.evil.org", "127.0.0.1@evil.org", "a b", "["]
)
def test_names_that_it_has_not(host: str) -> None:
    assert not is_called_rightly(host, ["https://talk.example.org"])
