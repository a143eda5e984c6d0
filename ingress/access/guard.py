"""What every request meets first: whether it may come in at all, as whom, and how often.

In this order, so that nothing is done for those who may not: a key in the address is refused; on loopback a strange
name in `Host` is, where no key protects; from a browser a strange `Origin` is; then the key is looked at, and the
tenant's requests are counted. Only what a page is made of is for everybody. Errors below /v1/ leave here as JSON of one
shape.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from ingress.access import answers, origins
from ingress.access.access import Access
from ingress.access.caller import CALLER, Caller
from ingress.access.refusals import Allowance, Forbidden
from ingress.access.shown import check_url, shown
from wire.errors import DragomanError
from wire.log import get

log = get(__name__)

API = "/v1/"
PUBLIC = frozenset({"/", "/static", "/healthz", "/readyz", "/openapi.json", "/dashboard"})
"""Routes that need no key: what pages are made of."""

ADMIN = "/v1/admin/"
"""Below this is what operators see and do. It counts for no tenant."""

FOR_GUESTS = frozenset({"/v1/info", "/v1/stream"})
"""Routes for those who may enter one room alone; what they may do there is the connection's to see to."""

REALTIME = "/v1/realtime"
"""Below this is all that a key opens which brings its session along (`ek_…`): it is made for pages."""

SOCKETS = frozenset({"/v1/stream", "/v1/realtime", "/v1/realtime/translations"})
"""WebSockets: their doors count by themselves (`Meter.session`), and say in the socket what is wrong."""

FREE = SOCKETS | {"/v1/info"}
SAFE = (hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS)
MAY_SEND = "Authorization, Content-Type, Idempotency-Key, OpenAI-Beta, OpenAI-Safety-Identifier"
MAY_READ = "Retry-After, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests"
PREFLIGHT_S = 600
HSTS = "max-age=31536000"

ALLOWANCE = web.RequestKey("allowance", Allowance)
ANSWERED = web.RequestKey("answered", bool)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """`admit` is the middleware, `mark` goes into `on_response_prepare`. `encrypted`: we speak TLS ourselves."""

    def __init__(self, access: Access, *, encrypted: bool) -> None:
        self._access = access
        self._encrypted = encrypted

    def install(self, app: web.Application) -> None:
        app.middlewares.append(self.admit)
        app.on_response_prepare.append(self.mark)

    @web.middleware
    async def admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        is_api = request.path.startswith(API)
        try:
            self._check_place(request)
            if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
                return web.Response(status=204)
            if _route(request) not in PUBLIC:
                self._let_in(request)
            return await handler(request)
        except web.HTTPException as error:
            if not is_api or error.status < 400 or request.get(ANSWERED):
                raise
            return answers.of_http(error, request.method, request.path)
        except DragomanError as error:
            if request.get(ANSWERED):
                raise
            return answers.of(error)
        except (web.RequestPayloadError, ConnectionError):
            if request.get(ANSWERED):
                raise
            return answers.error(400, "the body broke off, or is not what its headers say", code="bad_request")
        except Exception:
            if not is_api or request.get(ANSWERED):
                raise
            log.exception("a request failed", method=request.method, route=_route(request))
            return answers.error(500, "something went wrong here: it has been logged", code="internal")

    def _check_place(self, request: web.Request) -> None:
        """Raises ClientError, Forbidden."""
        check_url(request.query)
        access, host = self._access, request.headers.get(hdrs.HOST, "")
        if access.on_loopback and not access.demanded and not origins.is_called_rightly(host, access.origins):
            raise Forbidden(
                f"this server is for this machine alone, and is not called {host[:100]!r}: if a proxy stands before "
                'it, name its address in the setting `origins`, as in origins = ["https://translate.example.org"]'
            )
        origin = request.headers.get(hdrs.ORIGIN)
        is_socket = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
        if origin is None or (request.method in SAFE and not is_socket):
            return
        if not origins.is_ours(origin, host, access.origins):
            raise Forbidden(
                f"pages from {origin[:100]!r} may not use this server: the setting `origins` says which may"
            )

    def _let_in(self, request: web.Request) -> None:
        """Raises Unauthorized, Forbidden, OverLimit."""
        caller = self._caller(request)
        route = _route(request)
        if caller.room and route not in FOR_GUESTS:
            raise Forbidden("this token lets into one room, and nowhere else")
        if caller.session and not route.startswith(REALTIME):
            raise Forbidden("this key opens sessions of the Realtime API, and nothing else")
        if route.startswith(ADMIN):
            if not caller.admin:
                raise Forbidden("this is for operators: show an admin key, which `dragoman keys create --admin` makes")
            request[CALLER] = caller
            return
        request[CALLER] = caller
        if route not in FREE and (allowance := self._access.meter.request(caller)) is not None:
            request[ALLOWANCE] = allowance

    def _caller(self, request: web.Request) -> Caller:
        headers = request.headers
        authorization = headers.getall(hdrs.AUTHORIZATION, []) if self._access.demanded else _bearers(request)
        return self._access.caller(shown(authorization, headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, [])))

    async def mark(self, request: web.Request, response: web.StreamResponse) -> None:
        """What goes into the headers of every answer."""
        request[ANSWERED] = True
        headers = response.headers
        if (allowance := request.get(ALLOWANCE)) is not None:
            headers.update(answers.limits(allowance))
        host = request.headers.get(hdrs.HOST, "")
        if self._encrypted and not origins.is_called_rightly(host, ()):
            headers["Strict-Transport-Security"] = HSTS
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and self._access.origins:
            headers[hdrs.VARY] = hdrs.ORIGIN
            if origin in self._access.origins or origins.ANY in self._access.origins:
                headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
                headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = MAY_READ
                headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = MAY_SEND
                headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = "GET, POST, DELETE"
                headers[hdrs.ACCESS_CONTROL_MAX_AGE] = str(PREFLIGHT_S)


def _route(request: web.Request) -> str:
    """The path as it was declared, or "" where there is nothing: what was sent can be spelled in many ways."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


def _bearers(request: web.Request) -> list[str]:
    """Where no key is demanded, what is meant for a proxy does no harm."""
    given = request.headers.getall(hdrs.AUTHORIZATION, [])
    return [each for each in given if each.lower().startswith("bearer ")][:1]
