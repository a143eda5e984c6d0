"""The fields of a multipart form, as OpenAI's clients write them: `a=1`, `a[]=1` for each of a list, `a[b]=1`. PURE.

Every field that is known is taken once; what is left over then is refused by name. An empty field counts as left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ingress.openai.refusals import Refused

_NAME = re.compile(r"(\w+)(?:\[(\w*)\])?")


class Fields:
    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        self._parts: dict[str, dict[str, str]] = {}
        for name, value in pairs:
            match = _NAME.fullmatch(name)
            key, part = (match[1], match[2]) if match else (name, None)
            if not value.strip():
                continue
            if part and not part.isdecimal():
                self._parts.setdefault(key, {})[part] = value
            else:
                self._values.setdefault(key, []).append(value)

    def one(self, name: str) -> str:
        """Its value, or ""."""
        values = self._values.pop(name, [])
        if len(values) > 1:
            raise Refused(f"`{name}` is given {len(values)} times: give it once", param=name)
        return values[0] if values else ""

    def all(self, name: str) -> list[str]:
        return self._values.pop(name, [])

    def parts(self, name: str) -> dict[str, str]:
        """Of an object: {"b": "1"} of `name[b]=1`."""
        return self._parts.pop(name, {})

    def choice(self, name: str, choices: Iterable[str], default: str) -> str:
        value = self.one(name) or default
        if value not in choices:
            raise Refused(f"`{name}` is {value[:80]!r}: it is one of {', '.join(choices)}", param=name)
        return value

    def number(self, name: str, lowest: float, highest: float) -> float | None:
        text = self.one(name)
        return within(name, text, lowest, highest) if text else None

    def nothing_else(self) -> None:
        for name in (*self._values, *self._parts):
            raise Refused(f"there is no field `{name[:80]}`", param=name[:80], code="unknown_parameter")


def within(name: str, text: str, lowest: float, highest: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not lowest <= value <= highest:
        raise Refused(f"`{name}` is {text[:80]!r}: it is a number from {lowest:g} to {highest:g}", param=name)
    return value
