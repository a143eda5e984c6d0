"""`dragoman`: one command for each thing that a person starts.

The processes of other packages are imported only when they are asked for, so that `dragoman stream` needs no engine
and starts at once. A DragomanError is one line on stderr. Exit codes: 0 done, 1 failed, 2 unusable arguments; those of
`stream` and `translate` are in cli/stream.py and cli/translate.py.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import signal
import sys
from collections.abc import Callable, Sequence

from wire import process
from wire.errors import DragomanError, SettingsError

COMMANDS = {
    "up": ("cli.up", "start everything on this machine: NATS, scheduler, ingress and a node"),
    "stream": ("cli.stream", "play an audio file into a session and show what comes back"),
    "translate": ("cli.translate", "bring recordings to a server and fetch texts, subtitles and speech"),
    "export": ("cli.exporting.main", "copy what was said in sessions into PostgreSQL"),
    "history": ("cli.history", "what was said in sessions: list it, read it, delete it"),
    "keys": ("cli.keys", "make and revoke API keys, and set what tenants may use"),
    "nats-users": ("cli.nats_users", "make users and keys for a NATS server that others reach"),
    "bench": ("bench.load.main", "test a deployment, or a fleet of its own, under load"),
    "plan": ("cli.plan", "say how large a fleet must be for so many streams"),
    "doctor": ("cli.doctor", "look at this host and say what is missing and how to mend it"),
    "models": ("node_runtime.models", "list, fetch, convert and find models"),
    "scheduler": ("actors.main", "run one scheduler"),
    "ingress": ("ingress.main", "run one ingress: the page, the WebSocket, readiness"),
    "node": ("node_runtime.main", "run one node: models and slots (as does node-runtime)"),
}

HELP = "\n".join(
    [
        "usage: dragoman [--version] COMMAND …",
        "",
        "Self-hosted, real-time speech translation that does not lose a word.",
        "",
        *(f"  {name:<10} {purpose}" for name, (_, purpose) in COMMANDS.items()),
        "",
        "`dragoman COMMAND --help` shows the flags of each.",
    ]
)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code; argparse's own ends (`--help`, a wrong flag) come as SystemExit."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    match arguments[:1]:
        case ["--help" | "-h" | "help"]:
            print(HELP)
            return 0
        case ["--version"]:
            print(f"dragoman {importlib.metadata.version('dragoman')}")
            return 0
        case [name] if name in COMMANDS:
            return _run(name, arguments[1:])
        case [unknown]:
            told = f"there is no command {unknown!r}; there are: {', '.join(COMMANDS)}"
        case _:
            told = f"a command is missing; there are: {', '.join(COMMANDS)}"
    print(f"dragoman: {told} (see dragoman --help)", file=sys.stderr)
    return process.UNUSABLE


def _run(name: str, arguments: Sequence[str]) -> int:
    command: Callable[[Sequence[str]], int] = importlib.import_module(COMMANDS[name][0]).main
    try:
        return command(arguments)
    except DragomanError as error:
        print(f"dragoman {name}: {error}", file=sys.stderr)
        return process.UNUSABLE if isinstance(error, SettingsError) else 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # whoever read our output has gone; so that the interpreter's last flush does not fail too:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
