"""What files of deploy/ say of processes, held to the code: variables, commands, flags, times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.main import COMMANDS
from wire import env, process

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
KINDS: dict[str, type[env.Settings]] = {
    "scheduler": env.SchedulerSettings, "ingress": env.IngressSettings, "node": env.NodeSettings,
    "export": env.ExporterSettings, "up": env.UpSettings,
}  # fmt: skip


def checked(arguments: Sequence[str], variables: Mapping[str, str]) -> env.Settings:
    """The settings that a process has which is started so. Fails where there is no such command, flag or variable, or
    where a value is none. A variable that this process does not read is refused too: it would do nothing."""
    command, *flags = arguments
    assert command in COMMANDS, command
    kind = KINDS.get(command, env.Settings)
    if command not in KINDS:
        flags = []
    parsed = vars(process.parser(kind, command, "").parse_args([flag.replace("%i", "gpu-1") for flag in flags]))
    mine = {env.PREFIX + name.upper() for name in kind.__struct_fields__}
    given = {name: value for name, value in variables.items() if name.startswith(env.PREFIX)}
    assert set(given) <= mine, f"{command} does not read {sorted(set(given) - mine)}"
    return env.load(kind, parsed, given, parsed.pop("config"))


def grace(settings: env.Settings) -> float:
    """Seconds that this process may take to end in good order; tests/deploy/test_processes.py measures less."""
    return settings.drain_s + 6 if isinstance(settings, env.NodeSettings) else 6.0
