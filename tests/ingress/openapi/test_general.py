from __future__ import annotations

import aiohttp
import jsonschema_rs

from ingress.openapi import document, general


async def test_answers_are_as_documented(url: str) -> None:
    checked = 0
    async with aiohttp.ClientSession() as http:
        for path, item in general.PATHS.items():
            if "{" in path or path == "/v1/stream":
                continue
            for method, operation in item.items():
                async with http.request(method, url + path) as response:
                    content = operation["responses"][str(response.status)]["content"][response.content_type]
                    if response.content_type == "application/json":
                        schema = {**content["schema"], "components": document()["components"]}
                        jsonschema_rs.validate(schema, await response.json())
                        checked += 1
    assert checked == 6
