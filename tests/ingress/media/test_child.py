"""The decoding process by itself: `python -m ingress.media`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingress.media import frames
from ingress.media.child import PATIENCE_S
from ingress.media.limits import Limits
from tests.ingress.media.files import tone, written
from wire import pipes

pytestmark = pytest.mark.models

CHILD = "from ingress.media import child; child.PATIENCE_S = {patience}; child.main()"


def answers(given: bytes, patience: float = PATIENCE_S) -> Iterator[frames.ToParent]:
    command = [sys.executable, "-c", CHILD.format(patience=patience), str(os.getpid())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(given)
        child.stdin.flush()
        while (body := pipes.read(child.stdout)) is not None:
            yield frames.told(body)
        child.stdin.close()
        assert child.wait(5) == 0


def asked(path: Path) -> bytes:
    return pipes.pack(frames.body(frames.Decode(path=str(path), limits=Limits())))


def test_a_file_is_found_decoded_and_finished(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp4", "aac", tone(2.5, 48_000), begins=1.0)
    found, *decoded, finished = answers(asked(path))
    assert isinstance(found, frames.Found)
    assert isinstance(finished, frames.Finished)
    pieces = [each for each in decoded if isinstance(each, frames.Decoded)]
    assert len(pieces) == len(decoded)
    assert {len(each.pcm) for each in pieces[:-1]} == {frames.PIECE_BYTES}
    assert pieces[-1].read == 1.0


@pytest.mark.parametrize("path", [Path("/no/such/file"), Path("/dev/zero"), Path("/")])
def test_what_is_no_file_is_refused(path: Path) -> None:
    (refused,) = answers(asked(path))
    assert isinstance(refused, frames.Refused)
    assert refused.code == "media_unreadable"
    assert str(path) not in refused.message.split()


def test_one_that_nobody_needs_ends() -> None:
    assert list(answers(b"", patience=0.1)) == []
