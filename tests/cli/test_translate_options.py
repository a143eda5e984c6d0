"""The command line of `dragoman translate`: what is asked for, and what is refused before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import translate
from wire.errors import ClientError


@pytest.fixture
def talk(tmp_path: Path) -> str:
    path = tmp_path / "talk.mp3"
    path.write_bytes(b"sound")
    return str(path)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--to", "english"], "'english' is no language code"),
        (["--to", "en,auto"], "'auto' is no language code"),
        (["--to", "en", "--to", "fr,EN"], "the language 'en' is given twice"),
        (["--source", "fr-FR"], "--source fr-fr: this is no language code"),
        (["--source", "fr", "--to", "fr"], "--to fr: this is the language that is spoken"),
        (["--between", "fr"], "--between fr: give two languages"),
        (["--between", "fr,en", "--to", "en"], "leave --source and --to out"),
        (["--speech"], "--speech: there is no translation to speak"),
        (["--glossary", "/nowhere.toml"], "--glossary /nowhere.toml: No such file"),
        (["--reference", "/nowhere.txt"], "--reference /nowhere.txt: No such file"),
        (["--server", "nonsense"], "'nonsense' is no address of a server"),
        (["--out", "/dev/null/x"], "--out /dev/null/x: nothing can be written there"),
        (["--key", "two words"], "--key: this is no key"),
    ],
)
def test_unusable_arguments_are_told_before_anything_is_sent(talk: str, flags: list[str], told: str) -> None:
    with pytest.raises(ClientError, match=told):
        translate.read([talk, *flags])


def test_what_is_wanted_is_asked_for_and_what_is_usual_is_left_out(talk: str, tmp_path: Path) -> None:
    (order,) = translate.read([talk]).orders
    assert (order.wishes, order.folder) == ({}, Path("talk"))
    (tmp_path / "said.txt").write_text("\ufeffBonjour", encoding="utf-8")
    flags = ["--between", "FR, en", "--speech", "--reference", str(tmp_path / "said.txt")]
    (order,) = translate.read([talk, *flags]).orders
    assert order.wishes == {"between": "fr,en", "speech": "true", "reference": "Bonjour"}


def test_a_reference_is_text_and_of_one_recording(talk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tmp_path / "said.txt"
    for content, told in ((b"\xff\xfe", "UTF-8"), (b" \n", "is empty")):
        said.write_bytes(content)
        with pytest.raises(ClientError, match=told):
            translate.read([talk, "--reference", str(said)])
    monkeypatch.setattr(translate, "MAX_REFERENCE_BYTES", 3)
    said.write_text("four")
    with pytest.raises(ClientError, match="at most 3 bytes"):
        translate.read([talk, "--reference", str(said)])
    with pytest.raises(ClientError, match="one FILE"):
        translate.read([talk, talk, "--reference", str(said)])


def test_each_file_has_a_folder_of_its_own(tmp_path: Path) -> None:
    for name in ("a/talk.mp3", "a/talk.wav", "a/other.mp3", "b/talk.mp3", "...mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")

    def folders(*names: str) -> list[str]:
        orders = translate.read([*(str(tmp_path / name) for name in names), "--out", str(tmp_path / "o")]).orders
        return [order.folder.relative_to(tmp_path / "o").as_posix() for order in orders]

    assert folders("a/talk.mp3", "a/other.mp3") == ["talk", "other"]
    assert folders("a/talk.mp3", "a/talk.wav", "a/other.mp3") == ["talk.mp3", "talk.wav", "other"]
    assert folders("...mp3") == ["...mp3"]
    with pytest.raises(ClientError, match="2 files would have their results in"):
        folders("a/talk.mp3", "b/talk.mp3")


def test_the_key_is_in_no_description_of_what_was_asked(talk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_KEY", "dk-secret")
    options = translate.read([talk])
    assert options.key == "dk-secret"
    assert "secret" not in repr(options)
