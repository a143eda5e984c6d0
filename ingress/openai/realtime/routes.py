"""The routes of the Realtime API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import hdrs, web

from ingress.access import caller_of
from ingress.openai.realtime import connecting
from ingress.openai.realtime.client_secrets import ClientSecrets
from ingress.openai.realtime.configuration import Configuration
from ingress.openai.realtime.connecting import PROTOCOL, brought
from ingress.openai.realtime.door import Door
from ingress.openai.realtime.interpreting import Interpreting
from ingress.openai.realtime.transcription import Transcription
from ingress.openai.realtime.translation import Translation
from ingress.openai.refusals import Refused
from ingress.openai.rest import answered
from ingress.shared import Ingress
from ingress.websocket import PatientSocket, serve
from wire.records import Held

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""A minute of audio at once."""


def install(app: web.Application, ingress: Ingress) -> None:
    sockets, minting = _Sockets(ingress), ClientSecrets(ingress)
    app.router.add_get("/v1/realtime", sockets.transcribe)
    app.router.add_get("/v1/realtime/translations", sockets.translate)
    app.router.add_post("/v1/realtime/client_secrets", answered(minting.transcription))
    app.router.add_post("/v1/realtime/translations/client_secrets", answered(minting.translation))
    app.router.add_post("/v1/realtime/transcription_sessions", answered(minting.old_transcription))


class _Sockets:
    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress

    async def transcribe(self, request: web.Request) -> web.StreamResponse:
        dialect = connecting.dialect(
            request.headers.getall("OpenAI-Beta", []), request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, [])
        )
        configuration, refusal = Configuration(), None
        try:
            configuration = connecting.transcription(request.query, brought(caller_of(request).session))
        except Refused as error:
            refusal = error
        return await self._serve(
            request,
            lambda *socket: Transcription(
                self._ingress, *socket, caller_of(request), refusal, dialect=dialect, configuration=configuration
            ),
        )

    async def translate(self, request: web.Request) -> web.StreamResponse:
        interpreting, refusal = Interpreting(), None
        try:
            interpreting = connecting.translation(request.query, brought(caller_of(request).session))
        except Refused as error:
            refusal = error
        return await self._serve(
            request,
            lambda *socket: Translation(self._ingress, *socket, caller_of(request), refusal, interpreting=interpreting),
        )

    async def _serve(
        self, request: web.Request, door: Callable[[PatientSocket, asyncio.WriteTransport | None], Door]
    ) -> web.StreamResponse:
        """What is wrong is said in the socket, where clients look for it; but who may come again later is told so
        instead of being let in: such a client does not know that it could wait. Raises NoRoom, NoScheduler."""
        ingress, socket = self._ingress, PatientSocket(MAX_EVENT_BYTES, PROTOCOL)
        if ingress.unready() is not None:
            return await serve(ingress, request, socket, door)
        async with ingress.desk.soon(caller_of(request).tenant, Held(sessions=1)) as turn:

            def made(socket: PatientSocket, transport: asyncio.WriteTransport | None) -> Door:
                opened = door(socket, transport)
                opened.turn = turn
                return opened

            return await serve(ingress, request, socket, made)
