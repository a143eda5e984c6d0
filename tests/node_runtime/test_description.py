from __future__ import annotations

from pathlib import Path

import pytest

from node_runtime import description
from node_runtime.description import Description
from wire.errors import ModelMissing


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert description.read(tmp_path) == Description()
    told = Description("facebook/m2m100_418M", "MIT", ["fr", "de"])
    description.write(tmp_path, told)
    assert description.read(tmp_path) == told


def test_one_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / description.NAME).write_text('{"languages": "fr"}')
    with pytest.raises(ModelMissing, match=description.NAME):
        description.read(tmp_path)
