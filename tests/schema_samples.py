"""One sample of every message, record, event and request: written to a file when a version is released, read for ever.

    cd <checkout of the release> && python …/tests/schema_samples.py > …/tests/data/schema/<commit>.json

Run so, it walks the packages of that checkout; so it imports nothing of this project but what it walks. With a fixture
on stdin and `--read` it does the opposite: it says which of these samples the checkout cannot read, a line for each.
"""

from __future__ import annotations

import ast
import base64
import importlib
import json
import sys
import types
import typing
from pathlib import Path
from typing import Any

import msgspec

PACKAGES = ("wire", "actors", "node_runtime", "ingress", "cli")
BASES = ("Message", "ClientEvent", "ClientRequest")
ALSO = ("actors.state:SessionState",)
"""No message, but what a session's record has inside."""


def classes(root: Path) -> dict[str, type[Any]]:
    """ "module:Class" -> class, of all that are sent or kept, and of what is inside them."""
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        named = [node.bases for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ClassDef)]
        if any(isinstance(base, ast.Name) and base.id.endswith(BASES) for bases in named for base in bases):
            importlib.import_module(path.relative_to(root).with_suffix("").as_posix().replace("/", "."))
    outer = _below(importlib.import_module("wire.messages").Message)
    for name in ALSO:
        module, _, kind = name.partition(":")
        outer.append(getattr(importlib.import_module(module), kind))
    found: dict[str, type[Any]] = {}
    while outer:
        each = outer.pop()
        name = f"{each.__module__}:{each.__name__}"
        if name not in found and each.__module__.partition(".")[0] in PACKAGES:
            found[name] = each
            outer += [inner for field in msgspec.structs.fields(each) for inner in _inside(field.type)]
    return dict(sorted(found.items()))


def _inside(kind: Any) -> list[type[Any]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    return [found for each in typing.get_args(kind) for found in _inside(each)]


def _below(kind: type[Any]) -> list[type[Any]]:
    under = kind.__subclasses__()
    return [each for child in under for each in _below(child)] if under else [kind]


def samples(kind: type[Any]) -> dict[str, Any]:
    """As little and as much as a message of this kind can say."""
    fields = msgspec.structs.fields(kind)
    required = {field.name: sample(field.type) for field in fields if field.required}
    return {"least": kind(**required), "most": kind(**{field.name: sample(field.type) for field in fields})}


def sample(kind: Any) -> Any:
    """Something of this type that is no default."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return samples(kind)["most"]
    plain = {str: "x", int: 3, float: 0.5, bool: True, bytes: b"\0\1", Any: "any", msgspec.Raw: msgspec.Raw(b"{}")}
    if kind in plain:
        return plain[kind]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return inner[-1]
    if origin in (typing.Union, types.UnionType):
        return sample(next(each for each in inner if each is not types.NoneType))
    if origin is typing.Annotated:
        return sample(inner[0])
    if origin is dict:
        return {"k": sample(inner[1])}
    if origin is list:
        return [sample(inner[0])]
    if origin is tuple:
        return tuple(sample(each) for each in inner if each is not ...)
    raise TypeError(f"no sample of {kind}")


def described(root: Path) -> dict[str, Any]:
    found = {}
    for name, kind in classes(root).items():
        told: dict[str, Any] = {
            "tag": kind.__struct_config__.tag,
            "required": [field.name for field in msgspec.structs.fields(kind) if field.required],
            "types": {field.name: shown(field.type) for field in msgspec.structs.fields(kind)},
        }
        for size, message in samples(kind).items():
            told[size] = msgspec.json.encode(message).decode()
            if msgspec.Raw not in (field.type for field in msgspec.structs.fields(kind)):  # that is JSON
                told[f"{size}_msgpack"] = base64.b64encode(msgspec.msgpack.encode(message)).decode()
        found[name] = told
    return found


def shown(kind: Any) -> str:
    """A type, alike in every checkout."""
    return kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind).replace("typing.", "")


def encodings(told: dict[str, Any], size: str) -> list[bytes]:
    """What a fixture has of one sample: JSON, and MessagePack where that can be."""
    packed = told.get(f"{size}_msgpack")
    return [told[size].encode(), *([base64.b64decode(packed)] if packed else [])]


def unread(root: Path, theirs: dict[str, Any]) -> list[str]:
    """What of another checkout's samples this one cannot read, of the classes that it knows."""
    decode = importlib.import_module("wire.messages").decode
    lines = []
    for name, kind in classes(root).items():
        for size in ("least", "most") if name in theirs else ():
            for data in encodings(theirs[name], size):
                try:
                    decode(kind, data)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                    lines.append(f"{name} ({size}): {error}")
    return lines


def main() -> int:
    root = Path.cwd()
    sys.path.insert(0, str(root))
    if "--read" in sys.argv:
        lines = unread(root, json.load(sys.stdin))
        print("\n".join(lines))
        return bool(lines)
    json.dump(described(root), sys.stdout, indent=1, sort_keys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
