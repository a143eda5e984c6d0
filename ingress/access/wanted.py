"""What is asked of `POST /v1/tokens`. PURE."""

from __future__ import annotations

import msgspec

from wire.errors import ClientError

SHORTEST_S, USUAL_S, LONGEST_S = 60, 600, 24 * 3600


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`room` is a room's code: the token is to let into that one alone. `admin`: it is to be an operator's, which only
    an operator can make."""

    seconds: int = USUAL_S
    room: str = ""
    admin: bool = False


def read(body: bytes) -> Wanted:
    """An empty body asks for what is usual. Raises ClientError."""
    try:
        wanted = msgspec.json.decode(body or b"{}", type=Wanted)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ClientError(f'the body is JSON such as {{"seconds": {USUAL_S}}}: {error}') from error
    if not SHORTEST_S <= wanted.seconds <= LONGEST_S:
        raise ClientError(f"`seconds` is {SHORTEST_S} to {LONGEST_S}, not {wanted.seconds}")
    if wanted.room and wanted.admin:
        raise ClientError("a token is for one room, or an operator's (`admin`), not both")
    return wanted
