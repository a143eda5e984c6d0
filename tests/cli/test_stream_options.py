"""The command line of `dragoman stream`: what is asked for, and what is refused before anything is connected."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import stream
from wire.errors import ClientError
from wire.options import Glossary
from wire.protocol import StartRequest


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--target", "english"], "'english' is no language code"),
        (["--target", "auto"], "'auto' is no language code"),
        (["--source", "fr-FR"], "'fr-fr' is no language code"),
        (["--source", "fr", "--target", "FR"], "the target 'fr' is the language that is spoken"),
        (["--target", "en", "--target", "en"], "the target 'en' is given twice"),
        (["--live"], "--live: there is no translation to show"),
        (["--between", "fr"], "--between fr: give two languages"),
        (["--between", "fr,fr"], "--between fr,fr: give two languages"),
        (["--between", "fr,en", "--target", "en"], "leave --source and --target out"),
        (["--between", "fr,en", "--source", "fr"], "leave --source and --target out"),
        (["--between", "fr,english"], "'english' is no language code"),
        (["--glossary", "/nowhere.toml"], "--glossary /nowhere.toml: No such file"),
        (["--speed", "0"], "--speed 0: give a number over 0"),
        (["--speed", "nan"], "--speed nan: give a number over 0"),
        (["--save-speech", "x.wav"], "--save-speech: nothing is to be spoken"),
        (["--target", "en", "--save-speech", "/nowhere/x.wav"], "there is no directory /nowhere"),
        (["--url", "nonsense"], "'nonsense' is no address of a server"),
        (["--url", "ftp://there"], "'ftp://there' is no address of a server"),
        (["--url", "ws://host:port"], "'ws://host:port' is no address of a server"),
    ],
)
def test_unusable_arguments_are_told_before_anything_is_connected(flags: list[str], told: str) -> None:
    with pytest.raises(ClientError, match=told):
        stream.read(["x.wav", *flags])


def test_what_is_wanted_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "words.toml"
    file.write_text('words = ["Okonkwo"]')
    start = stream.read(
        ["x.wav", "--between", "FR, en", "--live", "--words", "--no-captions", "--glossary", str(file)]
    ).start
    assert start == StartRequest(
        speech=True, captions=False, live=["fr", "en"], between=["fr", "en"], words=True, glossary=Glossary(["Okonkwo"])
    )
    assert stream.read(["x.wav"]).start == StartRequest(speech=False)
    assert stream.read(["x.wav", "--target", "en", "--live"]).start == StartRequest(targets=["en"], live=["en"])


def test_the_key_is_in_no_description_of_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_KEY", "dk-secret")
    options = stream.read(["x.wav"])
    assert options.key == "dk-secret"
    assert "secret" not in repr(options)


@pytest.mark.parametrize("flags", [["--unknown"], ["--tar", "en"], ["--speed", "fast"], ["other.wav"]])
def test_unknown_flags_are_a_line_and_exit_code_2(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        stream.main(["x.wav", *flags])
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
