"""Damaged files, thousands of ways: they are decoded as far as they go or refused, at once, and nothing else happens.

The first test decodes in this process, which is faster by far; the second as the product does.
"""

from __future__ import annotations

import contextlib
import io
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.media import sound
from ingress.media.decoding import opened
from ingress.media.errors import MediaError
from ingress.media.limits import Allowance, Limits
from ingress.media.spare import Spare
from tests.ingress.media.files import KINDS, tone, written

SLOW_S = 2.0
GROWN = 64 * 1024 * 1024

Change = tuple[str, int, bytes]

_changes = st.lists(
    st.tuples(
        st.sampled_from(["flip", "overwrite", "insert", "remove", "cut", "splice"]),
        st.integers(0, 2**16) | st.integers(0, 300),
        st.binary(min_size=1, max_size=40) | st.sampled_from([b"\xff" * 4, b"\0" * 8, b"\x7f\xff\xff\xff"]),
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("originals")
    made = {name: written(folder / name, codec, tone(0.6, 48_000)) for name, codec in KINDS.items()}
    made["film.mp4"] = written(folder / "film.mp4", "aac", tone(0.6, 48_000), begins=0.3)
    return {name: path.read_bytes() for name, path in made.items()}


def changed(data: bytes, changes: list[Change], other: bytes) -> bytes:
    for how, place, given_bytes in changes:
        at = place % (len(data) + 1)
        match how:
            case "flip":
                data = data[:at] + bytes(each ^ 1 << place % 8 for each in data[at : at + 1]) + data[at + 1 :]
            case "overwrite":
                data = data[:at] + given_bytes + data[at + len(given_bytes) :]
            case "insert":
                data = data[:at] + given_bytes + data[at:]
            case "remove":
                data = data[:at] + data[at + 10 * len(given_bytes) :]
            case "cut":
                data = data[: max(at, len(data) // 2)]
            case _:
                data = data[:at] + other[at % len(other) :][: 100 * len(given_bytes)] + data[at:]
    return data


@settings(max_examples=250, deadline=None, derandomize=True)
@given(draw=st.data(), changes=_changes)
def test_damage_is_survived(originals: dict[str, bytes], draw: st.DataObject, changes: list[Change]) -> None:
    names = st.sampled_from(sorted(originals))
    data = changed(originals[draw.draw(names)], changes, originals[draw.draw(names)])
    allowance, begun, rss = Allowance(Limits(), len(data)), time.process_time(), psutil.Process().memory_info().rss
    with contextlib.suppress(MediaError), sound.opened(io.BytesIO(data)) as found:
        for pcm in found.pcm():
            allowance.spend(len(pcm))
    assert time.process_time() - begun < SLOW_S
    assert psutil.Process().memory_info().rss - rss < GROWN


@pytest.mark.models
async def test_damage_is_told_through_the_process(originals: dict[str, bytes], tmp_path: Path, spare: Spare) -> None:
    for number, name in enumerate(["a.mp3", "a.ogg", "a.wav", "film.mp4"]):
        path = tmp_path / name
        damage = [("overwrite", 40 * number, b"\xff\0\x80\xff"), ("cut", 0, b"")]
        path.write_bytes(changed(originals[name], damage, b""))
        try:
            async with opened(path, Limits(stall_s=10.0), spare) as audio:
                assert sum([len(stretch.pcm) async for stretch in audio]) > 0
        except MediaError as error:
            told = str(error)
            assert str(path) not in told
