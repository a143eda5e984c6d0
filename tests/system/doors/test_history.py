"""What was said at a whole Dragoman is kept for whoever said it, for nobody else, and goes when they want."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.ingress.client import connected
from tests.system.doors.house import House, sound
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def sessions(house: House, key: str) -> list[dict[str, Any]]:
    status, body, _ = await house.ask("GET", "/v1/sessions", key)
    assert status == 200, body
    return list(body["data"])


async def spoken(house: House, key: str, text: str) -> None:
    """A text is given and spoken: that is a session, too. Whoever asks before the house has room asks again."""
    asked = {"model": "tts-1", "voice": "alloy", "input": text}

    async def done() -> bool:
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http,
            http.post(f"{house.url}/v1/audio/speech", json=asked) as answer,
        ):
            assert answer.status in (200, 503), await answer.text()
            return answer.status == 200 and bool(await answer.read())

    await until(done)


async def test_a_session_is_found_read_and_deleted_by_its_tenant_alone(house: House) -> None:
    before = {each["id"] for each in await sessions(house, house.ours)}
    await spoken(house, house.ours, "A sentence of ours.")

    async def over() -> bool:
        return any(each["ended"] for each in await sessions(house, house.ours) if each["id"] not in before)

    await until(over)
    (mine,) = [each for each in await sessions(house, house.ours) if each["id"] not in before]
    path = f"/v1/sessions/{mine['id']}"
    _, text, _ = await house.ask("GET", f"{path}/transcript?format=txt")
    assert "A sentence of ours." in text
    assert mine["id"] not in {each["id"] for each in await sessions(house, house.theirs)}
    for method in ("GET", "DELETE"):
        assert (await house.ask(method, path, house.theirs))[0] == 404
    assert (await house.ask("DELETE", path))[0] == 200
    assert (await house.ask("GET", path))[0] == 404
    assert mine["id"] not in {each["id"] for each in await sessions(house, house.ours)}


async def test_a_session_that_is_open_is_read_but_not_deleted(house: House) -> None:
    async with connected(house.url, house.ours) as client:
        started = await client.start(targets=["en"], speech=False)
        path = f"/v1/sessions/{started['session']}"

        async def there() -> bool:
            return (await house.ask("GET", path))[0] == 200

        await until(there)
        status, body, _ = await house.ask("DELETE", path)
        assert (status, body["error"]["code"]) == (409, "session_open")


async def test_recordings_are_no_sessions(house: House) -> None:
    before = len(await sessions(house, house.ours))
    await house.transcribe(sound())
    assert len(await sessions(house, house.ours)) == before
