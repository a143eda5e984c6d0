"""What a client may ask for when it takes a place in a room. PURE."""

from __future__ import annotations

import unicodedata

from ingress.wishes import LANGUAGE
from wire.errors import LanguageUnsupported, ProtocolViolation
from wire.protocol import Seat, SeatRequest, StartRequest, UpdateRequest
from wire.rooms import CODE_LENGTH, MAX_NAME, MAX_PAST, code_of

DECIDED = ("targets", "live", "between")
"""What the others in a room decide."""


def check_seat(seat: Seat) -> None:
    """Raises ProtocolViolation (bad_field), LanguageUnsupported."""
    if code_of(seat.code) is None:
        raise ProtocolViolation(
            f"{seat.code[:20]!r} is no code of a room: it has {CODE_LENGTH} letters and digits", code="bad_field"
        )
    check_update(SeatRequest(name=seat.name, language=seat.language))
    if len(seat.have) > 4 * MAX_PAST or any(n < 0 for n in seat.have.values()):
        raise ProtocolViolation(f"`have` names at most {4 * MAX_PAST} members, and numbers from 0", code="bad_field")


def check_update(request: SeatRequest) -> None:
    """Raises ProtocolViolation (bad_field), LanguageUnsupported."""
    name, language = request.name, request.language
    if name is not None:
        if not name.strip() or len(name) > MAX_NAME:
            raise ProtocolViolation(f"a name has 1 to {MAX_NAME} characters", code="bad_field")
        if any(unicodedata.category(each) in ("Cc", "Cs", "Co", "Zl", "Zp") for each in name):
            raise ProtocolViolation("a name has no control characters", code="bad_field")
    if language is not None and not LANGUAGE.fullmatch(language):
        raise LanguageUnsupported(f"{language[:40]!r} is no language code: send one such as 'en' or 'fr'")


def check_in_room(request: StartRequest | UpdateRequest) -> None:
    """Of a client in a room. Raises ProtocolViolation (bad_field) for what is not its own to decide."""
    if isinstance(request, StartRequest) and request.room is None:
        return
    named = [name for name in DECIDED if getattr(request, name)]
    if isinstance(request.speech, list) or (isinstance(request, UpdateRequest) and request.speech is not None):
        named.append("speech")
    if named:
        raise ProtocolViolation(
            f"in a room `{named[0]}` is what the others read and hear: leave it out", code="bad_field"
        )
