from __future__ import annotations

from pathlib import Path

import pytest

from cli import glossary
from wire.errors import ClientError
from wire.options import Glossary

TOML = """
words = ["Okonkwo"]
[terms.Dragoman]
fr = "Drogman"
"""
JSON = '{"words":["Okonkwo"],"terms":{"Dragoman":{"fr":"Drogman"}}}'


@pytest.mark.parametrize(("name", "text"), [("a.toml", TOML), ("a.json", JSON), ("a.txt", TOML), ("A.JSON", JSON)])
def test_both_formats_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert glossary.read(tmp_path / name) == Glossary(["Okonkwo"], {"Dragoman": {"fr": "Drogman"}})


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.toml", b"words = [", "is no glossary"),
        ("a.json", b"{", "is no glossary"),
        ("a.toml", b"\xff\xfe", "is no glossary"),
        ("a.toml", b'names = ["x"]', "unknown field `names`"),
        ("a.json", b'{"words":"x"}', "Expected `array`, got `str`"),
        ("a.toml", b'[terms]\nDragoman = "Drogman"', "Expected `object`, got `str`"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ClientError, match=told) as refused:
        glossary.read(tmp_path / name)
    assert str(tmp_path / name) in str(refused.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="No such file"):
        glossary.read(tmp_path / "a.toml")
