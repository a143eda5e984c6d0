from __future__ import annotations

from pathlib import Path

import pytest

from wire import env
from wire.errors import SettingsError


def test_defaults_hold_where_nothing_is_given() -> None:
    assert env.load(env.IngressSettings, environ={}).port == 8080


def test_flags_come_before_variables_and_those_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text('host = "file"\nport = 1\nmax_speed = 2.0\n')
    environ = {"DRAGOMAN_CONFIG": str(file), "DRAGOMAN_HOST": "variable", "DRAGOMAN_PORT": "2", "HOME": "/x"}
    loaded = env.load(env.IngressSettings, {"port": "3", "host": None}, environ)
    assert (loaded.port, loaded.host, loaded.max_speed) == (3, "variable", 2.0)


def test_the_config_flag_comes_before_its_variable(tmp_path: Path) -> None:
    flagged, variable = tmp_path / "a.toml", tmp_path / "b.toml"
    flagged.write_text("port = 1\n")
    variable.write_text("port = 2\n")
    loaded = env.load(env.IngressSettings, None, {"DRAGOMAN_CONFIG": str(variable)}, config=str(flagged))
    assert loaded.port == 1


def test_one_file_serves_all_processes(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text('port = 1\nslots = 3\nend_silence_s = 1\nvoices = ["a", "b"]\n')
    assert env.load(env.NodeSettings, None, {}, str(file)).voices == ["a", "b"]
    assert env.load(env.SchedulerSettings, None, {}, str(file)).end_silence_s == 1.0


@pytest.mark.parametrize(("given", "read"), [("a, b,", ["a", "b"]), ("", []), ("a", ["a"])])
def test_lists_are_separated_by_commas(given: str, read: list[str]) -> None:
    assert env.load(env.NodeSettings, {"voices": given}, {}).voices == read
    assert env.load(env.NodeSettings, None, {"DRAGOMAN_VOICES": given}).voices == read


@pytest.mark.parametrize(("given", "read"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_switches_are_read_from_variables(given: str, read: bool) -> None:
    assert env.load(env.UpSettings, None, {"DRAGOMAN_OPEN": given}).open is read


def test_an_unknown_variable_is_named_with_what_was_meant() -> None:
    with pytest.raises(SettingsError, match=r"DRAGOMAN_PROT: there is no such setting; did you mean port\?"):
        env.load(env.IngressSettings, None, {"DRAGOMAN_PROT": "1"})


def test_an_unknown_key_is_named_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text("xyzzy = 1\n")
    with pytest.raises(SettingsError, match=rf"xyzzy in {file}: there is no such setting; there are: asr_model, "):
        env.load(env.IngressSettings, None, {}, str(file))


def test_an_unknown_flag_is_named() -> None:
    with pytest.raises(SettingsError, match="--idle-timeout: "):
        env.load(env.IngressSettings, {"idle_timeout": 3}, {})


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (env.IngressSettings, "PORT", "eighty"),
        (env.IngressSettings, "PORT", "65536"),
        (env.IngressSettings, "PORT", ""),
        (env.IngressSettings, "MAX_SPEED", "0.5"),
        (env.IngressSettings, "MAX_SPEED", "inf"),
        (env.SchedulerSettings, "SPEECH_THRESHOLD", "1.2"),
        (env.SchedulerSettings, "END_SILENCE_S", "nan"),
        (env.SchedulerSettings, "PROMPT_CONTEXT", "perhaps"),
        (env.NodeSettings, "DEVICE", "tpu"),
        (env.NodeSettings, "SLOTS", "0"),
        (env.Settings, "LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_value_is_named(kind: type[env.Settings], name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"DRAGOMAN_{name} = '{value}': Expected"):
        env.load(kind, None, {f"DRAGOMAN_{name}": value})


def test_a_value_of_the_wrong_kind_in_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text("port = true\n")
    with pytest.raises(SettingsError, match=rf"port in {file} = True: Expected"):
        env.load(env.IngressSettings, None, {}, str(file))


def test_what_another_process_reads_is_not_checked_here() -> None:
    assert env.load(env.NodeSettings, None, {"DRAGOMAN_PORT": "eighty"}).slots == 1


@pytest.mark.parametrize("content", [b"port = \n", b"port 1", b"\xff\xfe", b"[ingress]\nport = 1\n"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=str(file)):
        env.load(env.IngressSettings, None, {}, str(file))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml cannot be read"):
        env.load(env.IngressSettings, None, {"DRAGOMAN_CONFIG": str(tmp_path / "nowhere.toml")})


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        env.load(env.Settings, None, {}).nats_url = "x"  # type: ignore[misc]
