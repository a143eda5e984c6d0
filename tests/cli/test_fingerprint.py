from __future__ import annotations

from pathlib import Path

import pytest

from cli import fingerprint as module
from cli.fingerprint import fingerprint


async def test_the_same_is_the_same_and_anything_else_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE_BYTES", 4)
    one, same, other, named = (tmp_path / name for name in ("a/x.mp3", "b/x.mp3", "c/x.mp3", "a/y.mp3"))
    for path, content in ((one, b"0123456789"), (same, b"0123456789"), (other, b"0123456780"), (named, b"0123456789")):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    told: list[int] = []
    wishes = {"targets": "en", "speech": "true"}
    known = await fingerprint(one, wishes, told.append)
    assert told == [4, 8, 10]
    assert len(known) == 64
    assert await fingerprint(same, dict(reversed(wishes.items())), told.append) == known
    for path, asked in ((other, wishes), (named, wishes), (one, {"targets": "en"}), (one, {**wishes, "source": "fr"})):
        assert await fingerprint(path, asked, told.append) != known
