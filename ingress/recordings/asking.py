"""What is wanted of a recording, from the fields of a form or from JSON. PURE.

Whatever is wrong is refused by name: an unknown field, a value that cannot be, a language that cannot be a target.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from ingress import wishes as session
from ingress.recordings.refusals import Refused
from ingress.wishes import Wishes
from wire.errors import ClientError
from wire.messages import AUTO
from wire.options import Glossary
from wire.protocol import StartRequest

MAX_REFERENCE_BYTES = 2_000_000
MAX_NAME = 200
MAX_URLS = 20
FIELDS = ("source", "targets", "between", "speech", "reference", "glossary")
LISTS = ("targets", "between", "speech")
TRUE, FALSE = "true", "false"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Kept beside the recording, as JSON. `speech`: the targets that are to be spoken. `url`: where the recording is
    to be fetched, if it was not brought."""

    name: str = ""
    source: str = AUTO
    targets: list[str] = []
    between: list[str] = []
    speech: list[str] = []
    reference: str = ""
    glossary: Glossary = Glossary()
    url: str = ""

    def wishes(self) -> Wishes:
        """Raises Refused where these cannot be asked for together."""
        request = StartRequest(
            source=self.source, targets=self.targets, between=self.between, speech=self.speech, captions=False,
            words=True, glossary=self.glossary,
        )  # fmt: skip
        try:
            made = session.asked(request)
        except ClientError as error:
            raise Refused(str(error), code=error.code) from error
        return msgspec.structs.replace(made, options=msgspec.structs.replace(made.options, recorded=True))


def encoded(asked: Asked) -> bytes:
    return msgspec.json.encode(asked)


def decoded(data: bytes) -> Asked:
    return msgspec.json.decode(data, type=Asked)


def digest(asked: Asked, sha256: str = "") -> str:
    """Tells requests apart: `sha256` is that of the recording."""
    return hashlib.sha256(encoded(asked) + sha256.encode()).hexdigest()


def from_form(fields: Iterable[tuple[str, str]], name: str) -> Asked:
    """`fields` as they came, those that are repeated too; `name` is that of the file. Raises Refused."""
    found: dict[str, list[str]] = {}
    for field, value in fields:
        if value.strip():
            found.setdefault(field.removesuffix("[]"), []).append(value)
    given: dict[str, Any] = {}
    for field, values in found.items():
        check_known(field)
        if field in LISTS:
            parts = [part.strip() for value in values for part in value.split(",") if part.strip()]
            given[field] = parts[0] == TRUE if field == "speech" and parts in ([TRUE], [FALSE]) else parts
        elif len(values) > 1:
            raise _bad(field, f"is given {len(values)} times: give it once")
        elif field == "glossary":
            given[field] = _json(field, values[0])
        else:
            given[field] = values[0] if field == "reference" else values[0].strip()
    return _asked(given, name)


def from_json(body: bytes) -> list[Asked]:
    """One for each of the `urls`. Raises Refused."""
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"the body is no JSON: {error}", code="bad_request") from error
    if not isinstance(given, dict):
        raise Refused("the body is a JSON object", code="bad_request")
    urls = given.pop("urls", None)
    for field in given:
        check_known(field)
    if urls is None:
        raise Refused(
            "`urls` is missing: a recording itself comes as multipart/form-data", code="missing_field", param="urls"
        )
    if not isinstance(urls, list) or not all(isinstance(each, str) and each for each in urls):
        raise _bad("urls", "is a list of addresses")
    if not 1 <= len(urls) <= MAX_URLS:
        raise _bad("urls", f"has {len(urls)} addresses: 1 to {MAX_URLS} go into one request")
    asked = _asked({field: value for field, value in given.items() if value is not None}, "")
    return [msgspec.structs.replace(asked, url=url, name=_last_of(url)) for url in urls]


def _asked(given: dict[str, Any], name: str) -> Asked:
    speech = given.pop("speech", False)
    if not isinstance(speech, bool | list):
        raise _bad("speech", "is true, false or a list of targets")
    try:
        asked = msgspec.convert({**given, "speech": [] if isinstance(speech, bool) else speech}, Asked)
    except msgspec.ValidationError as error:
        text = str(error)
        field = text.rpartition("`$.")[2].rstrip("`").split(".")[0].split("[")[0] if "`$." in text else ""
        raise Refused(text, code="bad_field", param=field or None) from error
    if len(asked.reference.encode("utf-8", "replace")) > MAX_REFERENCE_BYTES:
        raise _bad("reference", f"is longer than {MAX_REFERENCE_BYTES} bytes")
    asked = msgspec.structs.replace(asked, name=clean_name(name))
    wishes = asked.wishes()
    spoken = wishes.targets if speech is True else list(dict.fromkeys(asked.speech))
    return msgspec.structs.replace(asked, speech=spoken)


def clean_name(name: str) -> str:
    """As it is shown: the last part of a path, without what cannot be seen."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(each for each in last if each.isprintable())[:MAX_NAME].strip()


def _last_of(url: str) -> str:
    return clean_name(url.split("?")[0].split("#")[0])


def check_known(field: str) -> None:
    if field not in FIELDS:
        known = ", ".join(FIELDS)
        raise Refused(f"there is no field {field[:80]!r}; there are: {known}", code="unknown_field", param=field[:80])


def _json(field: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _bad(field, f"is no JSON: {error}") from error


def _bad(field: str, what: str) -> Refused:
    return Refused(f"`{field}` {what}", code="bad_field", param=field)
