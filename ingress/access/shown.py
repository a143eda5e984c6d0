"""Where a request shows its key. PURE.

    Authorization: Bearer <key>                                       programs, and pages with `fetch`
    Sec-WebSocket-Protocol: dragoman, dragoman.key.<key>              pages: a WebSocket takes no header from them
    Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.<key>   the same, as OpenAI's clients say it

The server answers with the protocol's name and never with the key. An address is no place for a key: addresses are
logged by every proxy, and stay in histories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingress.access.refusals import Unauthorized
from wire import keys
from wire.errors import ClientError

PREFIXES = ("dragoman.key.", "openai-insecure-api-key.")
IN_URLS = frozenset({"key", "api_key", "apikey", "api-key", "token", "access_token", "authorization", "bearer"})


def check_url(query: Mapping[str, str]) -> None:
    """Raises ClientError where the query seems to hold a key."""
    for name, value in query.items():
        if name.lower() in IN_URLS or keys.redacted(f"{name} {value}") != f"{name} {value}":
            raise ClientError(
                "a key does not belong in an address, which is logged: send it as `Authorization: Bearer …`, or from "
                "a browser as the WebSocket subprotocols `dragoman, dragoman.key.…`. Revoke it if it is a real one",
                code="key_in_url",
            )


def shown(authorization: Sequence[str], protocols: Sequence[str]) -> str:
    """The key, token or JWT; empty where there is none. `protocols` are the headers of that name, as they came. Raises
    Unauthorized for what is neither."""
    offered = [each.strip() for header in protocols for each in header.split(",")]
    found = [each.removeprefix(prefix) for each in offered for prefix in PREFIXES if each.startswith(prefix)]
    if len(authorization) > 1 or len(found) > 1:
        raise Unauthorized("more than one key was sent: send one")
    if not authorization:
        return found[0] if found else ""
    scheme, _, text = authorization[0].strip().partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise Unauthorized("a key is sent as `Authorization: Bearer <key>`")
    return text.strip()
