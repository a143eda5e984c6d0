"""The door's keeper: whether keys are demanded here, and who shows one.

With `auth = "auto"` nobody needs a key on an address that only this machine reaches, as long as nobody has made one;
from the first key on, and wherever others can reach this server, every request needs one. On such an address a server
without any key or `jwt_keys` does not start: it would be open to all by mistake, or closed to all. `auth = "keys"`
always demands them (and starts without any: they may be made later), `auth = "off"` never does.

Where none is demanded on loopback, whoever sits at this machine is its operator, too; but not where `origins` says that
others come through a proxy.
"""

from __future__ import annotations

import asyncio

from ingress.access.caller import Caller
from ingress.access.claims import Claims
from ingress.access.keyring import Keyring
from ingress.access.meter import Meter
from ingress.access.refusals import Unauthorized
from wire import keys
from wire.addresses import is_loopback
from wire.bus import Bus
from wire.env import IngressSettings
from wire.errors import SettingsError
from wire.log import get

log = get(__name__)

LOOK_S = 0.5
"""Between two looks whether what runs may still run."""


class Access:
    """`load` it before anybody is let in, and `run` it from then on. Raises SettingsError for keys of JWTs that cannot
    be read."""

    def __init__(self, settings: IngressSettings, bus: Bus, meter: Meter) -> None:
        self.origins = settings.origins
        self.on_loopback = is_loopback(settings.host)
        self.keyring = Keyring(bus)
        self.meter = meter
        self._settings = settings
        self._claims = Claims(settings) if settings.jwt_keys else None

    @property
    def demanded(self) -> bool:
        """Whether everybody needs a key now."""
        if self._settings.auth != "auto":
            return self._settings.auth == "keys"
        return not self.on_loopback or self._claims is not None or self.keyring.has_keys

    async def load(self) -> None:
        """Raises NatsUnavailable, and SettingsError where this server may not listen."""
        await self.keyring.load()
        await self.meter.load()
        if self._claims is not None or self.keyring.has_keys or not self.demanded:
            return
        if self._settings.auth == "auto":
            raise SettingsError(
                f"others can reach {self._settings.host}, and there is no key yet, so that this would be open to all: "
                "make a key with `dragoman keys create`, or give --jwt-keys, or say --auth off if that is what you want"
            )
        log.warning("nobody can come in yet: make a key with `dragoman keys create`")

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.keyring.run())
            group.create_task(self.meter.run())
            while True:
                await asyncio.sleep(LOOK_S)
                self.look()

    def look(self) -> None:
        """What has expired or changed without a word."""
        self.keyring.prune()
        if self._claims is not None:
            self._claims.refresh()
        self.meter.revoke(self.keyring.holds)

    def caller(self, text: str) -> Caller:
        """Who shows this key, token or JWT; nobody in particular where it is empty and none is demanded. Raises
        Unauthorized."""
        try:
            return self._caller(text)
        except Unauthorized:
            if self.demanded:
                raise
            return Caller(admin=self.on_loopback and not self.origins)  # clients of OpenAI's always show a key

    def _caller(self, text: str) -> Caller:
        if not text:
            raise Unauthorized(
                "a key is needed: send it as `Authorization: Bearer <key>`, or as the WebSocket subprotocols "
                "`dragoman, dragoman.key.<key>`; whoever runs this server makes one with `dragoman keys create`",
                code="missing_api_key",
            )
        if self._claims is not None and keys.shape_of(text) is None and text.count(".") == 2:
            return self._claims.caller(text)
        caller = self.keyring.caller(text)
        if self.demanded and not caller.key:
            raise Unauthorized(
                "this token was made where nobody needed a key, and here everybody does: ask for a new one"
            )
        return caller
