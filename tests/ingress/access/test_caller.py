"""Who asks, as doors see it."""

from __future__ import annotations

from aiohttp.test_utils import make_mocked_request

from ingress.access import CALLER, Caller, caller_of


def test_somebody_of_whom_nothing_is_known_is_the_default_tenant() -> None:
    assert caller_of(make_mocked_request("GET", "/")) == Caller("default")


def test_a_caller_is_who_was_found_when_the_request_came() -> None:
    request = make_mocked_request("GET", "/")
    request[CALLER] = Caller("acme", "k1")
    assert caller_of(request).tenant == "acme"
