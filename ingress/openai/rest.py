"""The REST routes, and how their errors are told: in OpenAI's JSON, with the field of the request that is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from ingress.access import answers
from ingress.openai import models
from ingress.openai.models import described, offered
from ingress.openai.outflow import ClientGone
from ingress.openai.refusals import Refused
from ingress.openai.speaking import Speaking
from ingress.openai.transcribing import Transcribing
from ingress.shared import Ingress
from wire.log import get

log = get(__name__)

GONE = 499
"""What proxies call it when a client has hung up: nobody is told."""

Call = Callable[[web.Request], Awaitable[web.StreamResponse]]


def install(app: web.Application, ingress: Ingress) -> None:
    transcribing, speaking, listing = Transcribing(ingress), Speaking(ingress), _Listing(ingress)
    app.cleanup_ctx.append(transcribing.running)
    app.router.add_post("/v1/audio/transcriptions", answered(transcribing.transcriptions))
    app.router.add_post("/v1/audio/translations", answered(transcribing.translations))
    app.router.add_post("/v1/audio/speech", answered(speaking.speech))
    app.router.add_get("/v1/models", answered(listing.all))
    app.router.add_get("/v1/models/{model:.+}", answered(listing.one))


class _Listing:
    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress

    def _names(self) -> list[str]:
        return offered(self._ingress.fleet.ready(self._ingress.settings.pool))

    async def all(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "list", "data": [described(name) for name in self._names()]})

    async def one(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["model"]
        if name not in self._names():
            raise models.unknown(name)
        return web.json_response(described(name))


def answered(call: Call) -> Call:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await call(request)
        except Refused as error:
            return answers.error(error.status, str(error), code=error.code, param=error.param)
        except ClientGone:
            log.info("a client hung up before its answer was there", path=request.path)
            return web.Response(status=GONE)

    return answer
