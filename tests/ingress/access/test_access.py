"""Where keys are demanded, and where a server does not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingress.access.access import Access
from ingress.access.caller import Caller
from ingress.access.meter import Meter
from ingress.access.refusals import Unauthorized
from tests.ingress.access.test_keyring import given, revoke
from tests.waiting import until
from wire import keys
from wire.bus import Bus
from wire.env import Auth, IngressSettings
from wire.errors import SettingsError


def access(bus: Bus, host: str = "127.0.0.1", auth: Auth = "auto", jwt_keys: str = "") -> Access:
    return Access(IngressSettings(host=host, auth=auth, jwt_keys=jwt_keys), bus, Meter(bus, "one"))


async def test_on_this_machine_nobody_needs_a_key_until_there_is_one(bus: Bus) -> None:
    made = access(bus)
    await made.load()
    assert not made.demanded
    assert made.caller("") == made.caller("sk-whatever-their-clients-send") == Caller("default", admin=True)
    text = await given(bus, "acme")
    await made.load()
    assert made.demanded
    assert made.caller(text).tenant == "acme"
    with pytest.raises(Unauthorized, match="dragoman keys create") as caught:
        made.caller("")
    assert caught.value.code == "missing_api_key"
    await revoke(bus, text)
    await made.load()
    assert made.demanded, "the last key that is revoked does not open the door"


async def test_a_token_that_needed_no_key_goes_when_there_is_one(bus: Bus) -> None:
    made = access(bus)
    await made.load()
    token = (await made.keyring.mint(made.caller(""), 3600)).text
    assert made.caller(token).tenant == "default"
    await given(bus, "acme")
    await made.load()
    with pytest.raises(Unauthorized):
        made.caller(token)


async def test_where_others_can_come_nobody_starts_without_keys(bus: Bus, tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        with pytest.raises(SettingsError, match=r"dragoman keys create.*--auth off"):
            await access(bus, host).load()
    for willing in (access(bus, "0.0.0.0", "off"), access(bus, "0.0.0.0", "keys")):
        await willing.load()
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 32)
    for host in ("0.0.0.0", "127.0.0.1"):
        by_jwt = access(bus, host, jwt_keys=str(secret))
        await by_jwt.load()
        assert by_jwt.demanded
    await given(bus, "acme")
    await access(bus, "0.0.0.0").load()


async def test_what_the_operator_says_counts(bus: Bus) -> None:
    text = await given(bus, "acme")
    free, strict = access(bus, "0.0.0.0", "off"), access(bus, "127.0.0.1", "keys")
    for each in (free, strict):
        await each.load()
        assert each.caller(text).tenant == "acme"
    assert free.caller("").tenant == "default"
    assert free.caller(keys.made(keys.KEY)).tenant == "default"
    with pytest.raises(Unauthorized):
        strict.caller("")


async def test_a_file_of_keys_that_is_not_there_is_told_at_the_start(bus: Bus) -> None:
    with pytest.raises(SettingsError, match="jwt_keys"):
        access(bus, jwt_keys="/nowhere/keys.pem")


async def test_a_look_ends_what_may_not_run_any_more(bus: Bus) -> None:
    text = await given(bus, "acme")
    made = access(bus)
    await made.load()
    ended: list[object] = []
    with made.meter.session(made.caller(text), ended.append):
        made.look()
        assert not ended
        await revoke(bus, text)
        await made.load()
        made.look()
        assert len(ended) == 1


async def test_what_changes_is_heard_while_it_runs(bus: Bus) -> None:
    import asyncio

    made = access(bus)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(made.run())
        await given(bus, "acme")

        async def closed() -> bool:
            return made.demanded

        await until(closed, 1)
        running.cancel()


@pytest.mark.parametrize(
    ("host", "origins", "admin"),
    [("127.0.0.1", [], True), ("127.0.0.1", ["https://x.example"], False), ("0.0.0.0", [], False)],
)
async def test_who_sits_at_this_machine_is_its_operator(bus: Bus, host: str, origins: list[str], admin: bool) -> None:
    settings = IngressSettings(host=host, auth="off", origins=origins)
    made = Access(settings, bus, Meter(bus, "one"))
    await made.load()
    assert made.caller("").admin is admin
