"""dragoman.json in a model's directory: what its other files do not say. It may be missing."""

from __future__ import annotations

from pathlib import Path

import msgspec

from wire.errors import ModelMissing

NAME = "dragoman.json"


class Description(msgspec.Struct, frozen=True, omit_defaults=True):
    """`source` is where the model came from, a name or a path. `languages` (ISO 639-1) are those that a model of many
    languages is to serve: all that it knows, where there are none."""

    source: str = ""
    licence: str = ""
    languages: list[str] = []


def read(directory: Path) -> Description:
    """Raises ModelMissing where it cannot be read."""
    try:
        return msgspec.json.decode((directory / NAME).read_bytes(), type=Description)
    except FileNotFoundError:
        return Description()
    except (OSError, msgspec.DecodeError) as error:
        raise ModelMissing(f"{directory / NAME} cannot be read: {error}") from error


def write(directory: Path, description: Description) -> None:
    (directory / NAME).write_bytes(msgspec.json.format(msgspec.json.encode(description)) + b"\n")
