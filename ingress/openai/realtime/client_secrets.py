"""Keys that live minutes, for browsers: `POST /v1/realtime/client_secrets`, and the two of its kind.

Such a key is a token of `ingress.access` that carries the configuration with which its sessions begin. It may be used
more than once; what was begun with it goes on when it expires. None outlives the key that it was made with.
"""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from ingress.access import Forbidden, caller_of
from ingress.access.body import whole
from ingress.access.keyring import Minted
from ingress.openai.realtime import configuration, connecting, interpreting, messages
from ingress.openai.realtime.configuration import Configuration
from ingress.openai.realtime.connecting import Kept
from ingress.openai.refusals import Refused
from ingress.shared import Ingress
from wire import keys

USUAL_S = 600
MAX_KEPT_BYTES = 16 * 1024
"""Of what a key carries: all ingresses have it in memory, and the bucket has room for all tenants' together."""


class ExpiresAfter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Meta(ge=10, le=7200)] = USUAL_S


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a request; `session` is read by its own kind."""

    session: dict[str, Any] | None = None
    expires_after: ExpiresAfter | None = None


class OldWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the old request: its field has had two names."""

    expires_at: ExpiresAfter | None = None
    expires_after: ExpiresAfter | None = None


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """`expires_at`: seconds since the epoch."""

    value: str
    expires_at: int
    session: msgspec.Struct


class OldSecret(msgspec.Struct, frozen=True, kw_only=True):
    value: str
    expires_at: int


class OldAnswer(configuration.OldShown, frozen=True, kw_only=True):
    """A session of the old kind, with its key inside."""

    client_secret: OldSecret


class ClientSecrets:
    """The three routes. Each raises ClientError (Refused), Forbidden, QueueFull, NatsUnavailable."""

    def __init__(self, ingress: Ingress) -> None:
        self._keyring = ingress.access.keyring

    async def transcription(self, request: web.Request) -> web.Response:
        """For `/v1/realtime`."""
        body = messages.parse(await whole(request) or b"{}")
        wanted: Wanted = messages.convert(body, Wanted)
        asked = Configuration()
        if wanted.session is not None:
            asked = configuration.updated(asked, wanted.session)
        minted = await self._mint(request, asked, wanted.expires_after)
        shown = configuration.shown(asked, _session(), int(minted.expires))
        return _answer(Secret(value=minted.text, expires_at=int(minted.expires), session=shown))

    async def translation(self, request: web.Request) -> web.Response:
        """For `/v1/realtime/translations`."""
        wanted: Wanted = messages.convert(messages.parse(await whole(request)), Wanted)
        if wanted.session is None:
            raise Refused("`session` is missing", param="session", code="missing_required_parameter")
        asked = interpreting.begun(wanted.session)
        minted = await self._mint(request, asked, wanted.expires_after)
        shown = interpreting.shown(asked, _session(), int(minted.expires))
        return _answer(Secret(value=minted.text, expires_at=int(minted.expires), session=shown))

    async def old_transcription(self, request: web.Request) -> web.Response:
        """As it was before there were client secrets for all kinds: the session's fields are the body's."""
        body = messages.parse(await whole(request) or b"{}")
        wish = messages.convert(body.pop("client_secret", None) or {}, OldWish, "client_secret")
        asked = configuration.old_updated(Configuration(), body)
        minted = await self._mint(request, asked, wish.expires_after or wish.expires_at)
        shown = configuration.old_shown(asked, _session(), int(minted.expires))
        fields = {name: getattr(shown, name) for name in shown.__struct_fields__}
        secret = OldSecret(value=minted.text, expires_at=int(minted.expires))
        return _answer(OldAnswer(**fields, client_secret=secret))

    async def _mint(self, request: web.Request, asked: Kept, after: ExpiresAfter | None) -> Minted:
        caller = caller_of(request)
        seconds = float((after or ExpiresAfter()).seconds)
        if caller.until:
            seconds = min(seconds, caller.until - time.time())
        if seconds < 1:
            raise Forbidden("what was shown expires in this moment: nothing can be made with it")
        carried = connecting.kept(asked)
        if len(carried.encode()) > MAX_KEPT_BYTES:
            raise Refused(f"`session` has more than {MAX_KEPT_BYTES} bytes: a key carries no more", param="session")
        return await self._keyring.mint(caller, seconds, kind=keys.CLIENT_SECRET, session=carried)


def _session() -> str:
    return f"sess_{secrets.token_hex(8)}"


def _answer(told: msgspec.Struct) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(told), content_type="application/json", headers={"Cache-Control": "no-store"}
    )
