from __future__ import annotations

import pytest

from ingress.recordings.download import asked
from ingress.recordings.refusals import Refused
from tests.ingress.recordings.caller import Jobs
from tests.ingress.recordings.scribe import recording


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", None),
        ("bytes=0-", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=10-1000", (10, 100)),
        ("bytes=-30", (70, 100)),
        ("bytes=-300", (0, 100)),
        ("bytes=99-99", (99, 100)),
        ("bytes=20-10", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=9999999999999999-", None),
    ],
)
def test_ranges_are_those_of_the_standard(header: str, found: tuple[int, int] | None) -> None:
    assert asked(header, 100) == found


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_what_is_outside_is_refused(header: str) -> None:
    with pytest.raises(Refused) as refused:
        asked(header, 100)
    assert refused.value.status == 416


async def test_a_download_that_broke_off_goes_on(jobs: Jobs) -> None:
    id = await jobs.new(recording(3), targets="en", speech="true")
    await jobs.until(id, "done")
    path = f"/{id}/result"
    whole = await jobs.ask("GET", path)
    tag = whole.headers["etag"]
    assert whole.headers["content-type"] == "application/zip"
    assert whole.headers["content-disposition"] == f'attachment; filename="{id}.zip"'
    assert whole.headers["content-length"] == str(len(whole.body))
    head = await jobs.ask("HEAD", path)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(whole.body)))
    rest = await jobs.ask("GET", path, headers={"Range": "bytes=1000-", "If-Range": tag})
    assert (rest.status, rest.body) == (206, whole.body[1000:])
    assert rest.headers["content-range"] == f"bytes 1000-{len(whole.body) - 1}/{len(whole.body)}"
    assert (await jobs.ask("GET", path, headers={"Range": "bytes=1000-", "If-Range": '"other"'})).status == 200
    assert (await jobs.ask("GET", path, headers={"If-None-Match": tag})).status == 304
    outside = await jobs.ask("GET", path, headers={"Range": "bytes=99999999-"})
    assert (outside.status, outside.code) == (416, "range_not_satisfiable")
