"""A glossary from a file: names to expect, and terms with their fixed renderings.

    words = ["Okonkwo", "Dragoman"]

    [terms.Dragoman]
    fr = "Drogman"
    de = "Dragoman"

The same in JSON where the file's name ends so. How much it may hold is the server's to say.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from wire.errors import ClientError
from wire.options import Glossary


def read(path: Path) -> Glossary:
    """Raises ClientError, saying what is wrong with the file."""
    try:
        text = path.read_text(encoding="utf-8")
        found = msgspec.json.decode(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
        return msgspec.convert(found, Glossary)
    except OSError as error:
        raise ClientError(f"--glossary {path}: {error.strerror or error}") from error
    except ValueError as error:  # of either format, of UTF-8, or of what a glossary has
        raise ClientError(f"--glossary {path} is no glossary: {error}") from error
