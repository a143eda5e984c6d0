"""Errors as HTTP says them, for all of /v1/: OpenAI's JSON, which their clients know how to show.

{"error": {"message": "for a person", "type": "invalid_request_error", "code": "for a program", "param": null}}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from ingress.access.refusals import Allowance, Forbidden, NoRoom, OverLimit, Unauthorized
from wire.errors import ClientError, DragomanError, Unavailable

CHALLENGE = 'Bearer realm="dragoman"'

TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


def error(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """`param` is the field of the request that is wrong."""
    kind = TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    told = {"error": {"message": message, "type": kind, "code": code, "param": param}}
    return web.json_response(told, status=status, headers=headers)


def of(failure: DragomanError) -> web.Response:
    """What is said of an error of ours."""
    match failure:
        case Unauthorized():
            wrong = "" if failure.code == "missing_api_key" else ', error="invalid_token"'
            return error(401, str(failure), code=failure.code, headers={"WWW-Authenticate": CHALLENGE + wrong})
        case Forbidden():
            return error(403, str(failure), code=failure.code)
        case OverLimit():
            headers = {"Retry-After": str(math.ceil(failure.retry_after))}
            if failure.allowance is not None:
                headers |= limits(failure.allowance)
            return error(429, str(failure), code=failure.code, headers=headers)
        case ClientError():
            return error(400, str(failure), code=failure.code)
        case NoRoom():
            headers = {"Retry-After": str(math.ceil(failure.retry_after))}
            return error(503, str(failure), code=failure.code, headers=headers)
        case Unavailable():
            return error(503, str(failure), code=failure.code, headers={"Retry-After": "1"})
        case _:
            return error(500, str(failure), code=failure.code)


def of_http(failure: web.HTTPException, method: str, path: str) -> web.Response:
    """What is said of an error of aiohttp's, or one that a door raised in its words."""
    usual = f"{failure.status}: {failure.reason}"
    message = failure.text if failure.text and failure.text != usual else _words(failure, method, path)
    kept = {name: value for name, value in failure.headers.items() if name in ("Allow", "Retry-After")}
    code = HTTPStatus(failure.status).name.lower()
    return error(failure.status, message, code=code, headers=kept)


def _words(failure: web.HTTPException, method: str, path: str) -> str:
    match failure:
        case web.HTTPNotFound():
            return f"there is nothing at {path[:200]}"
        case web.HTTPMethodNotAllowed():
            return f"{path[:200]} takes {', '.join(sorted(failure.allowed_methods))}, not {method}"
        case _:
            return failure.reason


def limits(allowance: Allowance) -> dict[str, str]:
    """The headers that say what is left, as OpenAI names them."""
    return {
        "x-ratelimit-limit-requests": str(allowance.limit),
        "x-ratelimit-remaining-requests": str(allowance.remaining),
        "x-ratelimit-reset-requests": f"{allowance.reset_s:.0f}s",
    }
