from __future__ import annotations

from typing import get_args

from ingress.history import door
from ingress.history.texts import MEDIA, Format
from ingress.openapi.history import PATHS


def test_what_may_be_asked_is_what_is_answered() -> None:
    limit, _ = PATHS["/v1/sessions"]["get"]["parameters"]
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"]) == (1, door.MAX_PAGE)
    transcript = PATHS["/v1/sessions/{id}/transcript"]["get"]
    (kinds,) = [each["schema"]["enum"] for each in transcript["parameters"] if each["name"] == "format"]
    assert kinds == list(get_args(Format))
    assert set(transcript["responses"]["200"]["content"]) == {MEDIA[kind] for kind in kinds}
