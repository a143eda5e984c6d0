"""The routes: the page, its files, health, what the fleet serves, and the WebSocket."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from ingress import openapi, traffic
from ingress.access import caller_of
from ingress.access.guard import Guard
from ingress.access.tokens import INVITE_S, issue
from ingress.admin import door as admin
from ingress.connection import Connection
from ingress.history import door as history
from ingress.openai import realtime, rest
from ingress.recordings import door as recordings
from ingress.shared import Ingress
from ingress.websocket import Socket, serve
from wire.errors import Unavailable

STATIC = Path(__file__).with_name("static")

PROTOCOL = "dragoman"
"""A client that shows its key as a subprotocol is answered with this name."""

NOT_NEW = frozenset({"resume", "join"})
"""In the address of who comes back to a session, or listens in a room: they are let in where others are not."""

MAX_BODY = 1024 * 1024
"""Bytes of a request that is read as a whole; uploads are read in pieces, by their doors."""

INGRESS = web.AppKey("ingress", Ingress)

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; media-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def build(ingress: Ingress) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY)
    app[INGRESS] = ingress
    app.middlewares.append(traffic.measured)
    Guard(ingress.access, encrypted=bool(ingress.settings.tls_cert)).install(app)
    app.router.add_get("/", _page)
    app.router.add_get("/openapi.json", _openapi)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", _readyz)
    app.router.add_get("/v1/info", _info)
    app.router.add_get("/v1/stream", _stream)
    app.router.add_post("/v1/rooms", _new_room)
    app.router.add_post("/v1/tokens", _new_token)
    rest.install(app, ingress)
    realtime.install(app, ingress)
    recordings.install(app, ingress)
    admin.install(app, ingress)
    history.install(app, ingress)
    app.router.add_static("/static/", STATIC)
    app.on_response_prepare.append(_add_headers)
    return app


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    if not isinstance(response, web.WebSocketResponse):
        for name, value in PAGE_HEADERS.items():
            response.headers.setdefault(name, value)


async def _page(request: web.Request) -> web.StreamResponse:
    return web.FileResponse(STATIC / "index.html")


async def _openapi(request: web.Request) -> web.Response:
    return web.Response(text=openapi.written(), content_type="application/json")


async def _healthz(request: web.Request) -> web.Response:
    return web.json_response({"healthy": True})


async def _readyz(request: web.Request) -> web.Response:
    unready = request.app[INGRESS].unready()
    if unready is not None and unready.error is not None:
        return web.json_response({"ready": False, "reason": unready.error.message}, status=503)
    return web.json_response({"ready": True})


async def _info(request: web.Request) -> web.Response:
    ingress = request.app[INGRESS]
    nodes = ingress.fleet.ready(ingress.settings.pool)
    targets: dict[str, set[str]] = {}
    for node in nodes:
        for target, sources in node.targets.items():
            targets.setdefault(target, set()).update(sources)
    return web.json_response(
        {
            "sources": sorted({source for node in nodes for source in node.sources}),
            "targets": {target: sorted(sources) for target, sources in sorted(targets.items())},
            "voices": {language: voice for node in nodes for language, voice in sorted(node.voices.items())},
        }
    )


async def _new_room(request: web.Request) -> web.Response:
    ingress = request.app[INGRESS]
    if ingress.closed_to_all() is not None:
        raise Unavailable("no room can be made now: try again")
    caller = caller_of(request)
    code = await ingress.rooms.create(caller.tenant)
    invite = await ingress.access.keyring.mint(caller, INVITE_S, room=code)
    return web.json_response({"room": code, "invite": invite.text}, status=201, headers={"Cache-Control": "no-store"})


async def _new_token(request: web.Request) -> web.Response:
    ingress = request.app[INGRESS]
    return await issue(request, ingress.access.keyring, ingress.rooms.check)


async def _stream(request: web.Request) -> web.StreamResponse:
    ingress = request.app[INGRESS]
    if not ingress.stopping and NOT_NEW.isdisjoint(request.query):
        ingress.check_room(caller_of(request).tenant)
    return await serve(
        ingress, request, Socket(ingress.settings.max_frame_bytes, PROTOCOL),
        lambda socket, transport: Connection(ingress, socket, transport, caller_of(request)),
    )  # fmt: skip
