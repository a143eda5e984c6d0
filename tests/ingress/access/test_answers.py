from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from ingress.access import answers
from ingress.access.refusals import Allowance, Forbidden, NoRoom, OverLimit, Unauthorized
from wire.errors import ClientError, EngineError, NatsUnavailable


def told(response: web.Response) -> dict[str, Any]:
    assert isinstance(response.body, bytes)
    found: dict[str, Any] = json.loads(response.body)["error"]
    assert set(found) == {"message", "type", "code", "param"}
    return found


def test_each_error_has_its_status_and_one_shape() -> None:
    for failure, status, kind in (
        (ClientError("no"), 400, "invalid_request_error"),
        (Unauthorized("no"), 401, "authentication_error"),
        (Forbidden("no"), 403, "permission_error"),
        (NatsUnavailable("no"), 503, "server_error"),
        (EngineError("no"), 500, "server_error"),
    ):
        answer = answers.of(failure)
        assert answer.status == status
        assert told(answer) == {"message": "no", "type": kind, "code": failure.code, "param": None}


def test_who_shows_nothing_is_challenged_and_who_shows_the_wrong_thing_is_told_so() -> None:
    nothing = answers.of(Unauthorized("no", code="missing_api_key")).headers["WWW-Authenticate"]
    assert nothing == 'Bearer realm="dragoman"'
    assert answers.of(Unauthorized("no")).headers["WWW-Authenticate"] == nothing + ', error="invalid_token"'


def test_limits_say_when_to_try_again() -> None:
    over = OverLimit("no", code="rate_limited", retry_after=12.2, allowance=Allowance(60, 0, 12.2))
    answer = answers.of(over)
    assert (answer.status, told(answer)["code"]) == (429, "rate_limited")
    assert answer.headers["Retry-After"] == "13"
    assert answer.headers["x-ratelimit-limit-requests"] == "60"
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    assert answer.headers["x-ratelimit-reset-requests"] == "12s"


def test_where_there_is_no_room_it_is_said_when_to_come_again() -> None:
    answer = answers.of(NoRoom("later", retry_after=4.2))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert told(answer) == {"message": "later", "type": "server_error", "code": "full", "param": None}


def test_errors_of_http_have_words_of_their_own() -> None:
    missing = told(answers.of_http(web.HTTPNotFound(), "GET", "/v1/nothing"))
    assert (missing["message"], missing["code"]) == ("there is nothing at /v1/nothing", "not_found")
    wrong = answers.of_http(web.HTTPMethodNotAllowed("GET", ["POST"]), "GET", "/v1/rooms")
    assert wrong.headers["Allow"] == "POST"
    assert told(wrong)["message"] == "/v1/rooms takes POST, not GET"
    own = answers.of_http(web.HTTPServiceUnavailable(text="later", headers={"Retry-After": "3"}), "GET", "/v1/x")
    assert (own.status, told(own)["message"], own.headers["Retry-After"]) == (503, "later", "3")
    big = told(answers.of_http(web.HTTPRequestEntityTooLarge(10, 20), "POST", "/v1/x"))
    assert "10" in big["message"]
