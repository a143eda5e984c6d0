"""`dragoman nats-users`: users of a NATS server for each role, and the keys by which processes show who they are.

Writes into a folder: `users.conf` and `system.conf`, which the configurations of deploy/nats include (public keys and
permissions, nothing secret), and for each user `<user>.nk`, its secret, which only its owner can read. Keys that are
there stay as they are, so run it again to add a node, or after an upgrade to have the permissions of the new version.
Users that are named no more are denied from the server's next reload on (`nats-server --signal reload`).
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import deploy
from wire import nkeys, permissions, process, subjects
from wire.errors import SettingsError
from wire.permissions import ANY, Permissions, Role

PROGRAM = "dragoman nats-users"
ROLES = Path(deploy.__file__).with_name("nats") / "roles.toml"
NODE, SYSTEM = "node", "system"
SUFFIX = ".nk"


def main(argv: Sequence[str] | None = None) -> int:
    parser = process.Parser(prog=PROGRAM, description="Make users of a NATS server, one for each role, and their keys.")
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder with the server's configuration")
    parser.add_argument(
        "--node", action="append", default=[], metavar="NAME",
        help="a node with a user of its own, again for each (default: one user for all nodes, of any name)",
    )  # fmt: skip
    parser.add_argument(
        "--pool", action="append", default=[], metavar="NAME", help="that those nodes serve (default: default)"
    )
    given = parser.parse_args(argv)
    try:
        nodes, pools = [map(subjects.token, names) for names in (given.node, given.pool or ["default"])]
        users = list(users_of(permissions.roles(ROLES.read_text(encoding="utf-8")), list(nodes), list(pools)))
    except ValueError as error:
        raise SettingsError(f"--node and --pool: {error}") from error
    try:
        for path in written(Path(given.out), users):
            print(path)
    except OSError as error:
        raise SettingsError(f"--out {given.out}: {error.strerror}") from error
    print("these keys are secrets: give each process the one of its role, as nats_creds", file=sys.stderr)
    return 0


def users_of(roles: dict[str, Role], nodes: Sequence[str], pools: Sequence[str]) -> Iterator[tuple[str, Permissions]]:
    """(name, what it may do): a user for each role, and one for each node that is named."""
    for name, role in roles.items():
        if name != NODE:
            yield name, permissions.of(role)
        elif not nodes:
            yield name, permissions.of(role, ANY, (ANY,))
        for node in nodes if name == NODE else ():
            yield f"{NODE}-{node}", permissions.of(role, node, pools)


def written(folder: Path, users: Iterable[tuple[str, Permissions]]) -> Iterator[Path]:
    """Write keys and configuration. Gives the paths of the keys. Raises OSError, SettingsError."""
    folder.mkdir(parents=True, exist_ok=True)
    described = []
    for name, allowed in users:
        path = folder / f"{name}{SUFFIX}"
        described.append(_user(name, _public(path), allowed))
        yield path
    path = folder / f"{SYSTEM}{SUFFIX}"
    head = f"# Made by `{PROGRAM}`: public keys, and what each user may do. Nothing here is secret.\n"
    _write(folder / "users.conf", f"{head}users: [\n{''.join(described)}]\n")
    _write(folder / "system.conf", f"{head}users: [{{ nkey: {_public(path)} }}]\n")
    yield path


def _public(path: Path) -> str:
    """Of the key there, which is made where there is none."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(nkeys.seed_of(secrets.token_bytes(nkeys.RAW_BYTES)) + "\n")
    try:
        return nkeys.public_of(nkeys.seed_in(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise SettingsError(f"{path} is no key: {error}. Take it away, and a new one is made") from error


def _user(name: str, public: str, allowed: Permissions) -> str:
    denied = f", deny: [\n{_list(allowed.deny)}      ]" if allowed.deny else ""
    may = "".join(
        f"      {verb}: {{ allow: [\n{_list(patterns)}      ]{less} }}\n"
        for verb, patterns, less in (("publish", allowed.publish, denied), ("subscribe", allowed.subscribe, ""))
    )
    return f"  {{ # {name}\n    nkey: {public}\n    permissions: {{\n{may}    }}\n  }}\n"


def _list(patterns: Iterable[str]) -> str:
    return "".join(f'        "{pattern}"\n' for pattern in patterns)


def _write(path: Path, text: str) -> None:
    """In one step: a server that reloads meanwhile reads the old file or the new one."""
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
