from __future__ import annotations

import pytest

from cli.main import COMMANDS, main
from tests.cli.command import dragoman


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {name} " in told for name in COMMANDS)


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dragoman 0.")


@pytest.mark.parametrize(("argv", "told"), [(["upp"], "'upp'"), (["--upp"], "'--upp'"), ([], "a command is missing")])
def test_an_unknown_command_is_a_line(argv: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    complaint = capsys.readouterr().err
    assert told in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_and_refuses_unknown_flags(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert "--" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main([name, "x.wav", "--no-such-flag"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


async def test_a_known_error_is_one_line_and_no_traceback() -> None:
    result = await dragoman("doctor", "--config", "/nowhere.toml")
    assert result.code == 2
    assert result.complaint.startswith("dragoman doctor: the settings file /nowhere.toml cannot be read")


async def test_a_setting_that_a_child_would_refuse_is_refused_first() -> None:
    result = await dragoman("up", DRAGOMAN_SLOTS="many")
    assert (result.code, result.out) == (2, "")
    assert result.complaint == "dragoman up: DRAGOMAN_SLOTS = 'many': Expected `int`, got `str`"
