from __future__ import annotations

from ingress.access.refusals import Forbidden, NoRoom, OverLimit, Unauthorized


def test_only_limits_may_be_tried_again() -> None:
    assert NoRoom("later", retry_after=3).retryable
    assert OverLimit("too much", code="rate_limited", retry_after=3).retryable
    assert not Unauthorized("who are you?").retryable
    assert not Forbidden("not here").retryable
