"""The API key that a server asks for: from `--key`, or better from DRAGOMAN_KEY, which others on the host do not see.

A key is told to the server in a header and to nobody else: not in an address, nor in a message, not even in the one
that calls it unusable.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping

from wire.env import KEY
from wire.errors import ClientError

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,8192}")


def add_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key", metavar="KEY", help=f"API key, where the server asks for one; rather set {KEY}: flags can be seen"
    )


def chosen(flag: str | None, environ: Mapping[str, str] | None = None) -> str:
    """The key, or an empty string. Raises ClientError for what can be none."""
    key = flag if flag is not None else (os.environ if environ is None else environ).get(KEY, "")
    if key and not _TOKEN.fullmatch(key):
        where = KEY if flag is None else "--key"
        raise ClientError(f"{where}: this is no key: a key has letters, digits and - . _ ~ + / = alone")
    return key


def headers(key: str) -> dict[str, str]:
    """What goes with every request."""
    return {"Authorization": f"Bearer {key}"} if key else {}
