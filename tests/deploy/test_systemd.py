"""deploy/systemd against the code; systemd itself reads the units where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.settings import DEPLOY, checked, grace
from wire import permissions, process

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
OURS = [unit for unit in UNITS if unit.name != "dragoman-nats.service"]
EXPOSURE = 2.0
"""At most, of 10: `systemd-analyze security` calls up to 2 OK."""


def values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("unit", OURS, ids=lambda unit: unit.stem)
def test_commands_and_settings_are_there_and_it_may_end_in_good_order(unit: Path) -> None:
    (command,) = values(unit, "ExecStart")
    program, *arguments = command.split()
    assert program == "/opt/dragoman/bin/dragoman"
    variables = dict(each.split("=", 1) for line in values(unit, "Environment") for each in line.split())
    settings = checked(arguments, variables)
    assert float(values(unit, "TimeoutStopSec")[0]) > grace(settings)
    assert values(unit, "RestartPreventExitStatus") == [str(process.UNUSABLE)]
    (credential,) = values(unit, "LoadCredential")
    role = Path(credential.split(":")[1]).stem
    assert role in permissions.roles((DEPLOY / "nats" / "roles.toml").read_text(encoding="utf-8"))
    assert settings.nats_creds == "%d/" + credential.split(":")[0]


def test_users_of_the_units_are_made() -> None:
    made = set(re.findall(r"^u (\S+)", (DEPLOY / "systemd" / "dragoman.sysusers").read_text(), re.MULTILINE))
    assert {user for unit in UNITS for user in values(unit, "User")} == made


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this host")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_reads_the_unit_and_finds_it_closed(unit: Path, tmp_path: Path) -> None:
    text = re.sub(r"/opt/dragoman/bin/[\w-]+", "/bin/true", unit.read_text(encoding="utf-8"))
    for each in UNITS:
        (tmp_path / each.name).write_text(re.sub(r"/opt/dragoman/bin/[\w-]+", "/bin/true", each.read_text()))
    copy = tmp_path / unit.name
    copy.write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, timeout=60, check=False
    )
    complaints = [line for line in verified.stderr.splitlines() if "dragoman" in line]
    assert complaints == []
    looked = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", str(copy)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = re.search(r"exposure level for \S+: ([\d.]+)", looked.stdout)
    assert found, looked.stdout + looked.stderr
    assert float(found[1]) <= EXPOSURE
