"""Keys, and requests with them."""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.ingress.access.test_keyring import given, id_of, revoke
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.records import TenantRecord

__all__ = ["ask", "bearer", "given", "id_of", "limit", "revoke"]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


async def ask(
    url: str, method: str = "GET", *, key: str = "", json: Any = None, **headers: str
) -> tuple[int, Any, dict[str, str]]:
    """Status, body (JSON where it is) and headers (their names in lower case) of one request. `Host`, `Origin`, … are
    headers."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, headers={**bearer(key), **given}, json=json) as answer,
    ):
        is_json = answer.content_type == "application/json"
        told = await answer.json() if is_json else await answer.text()
        return answer.status, told, {name.lower(): value for name, value in answer.headers.items()}


async def limit(bus: Bus, tenant: str, **limits: Any) -> None:
    await Bucket(bus, subjects.TENANTS_KV, TenantRecord).put(tenant, TenantRecord(**limits))
