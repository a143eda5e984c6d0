from __future__ import annotations

import jsonschema_rs

from ingress.openapi import document, recordings
from ingress.recordings import shown
from ingress.recordings.asking import FIELDS
from wire.records import RecordingRecord


def test_a_job_is_as_documented() -> None:
    record = RecordingRecord(
        id="rec-1", tenant="ours", state="failed", created=1.0, code="too_long", message="it is", spoken=["en"],
        translated={"en": 1.5},
    )  # fmt: skip
    job = shown.job(record)
    schema = {"$ref": "#/components/schemas/Job", "components": document()["components"]}
    jsonschema_rs.validate(schema, job)
    assert set(job) == set(document()["components"]["schemas"]["Job"]["properties"])


def test_what_may_be_asked_is_documented() -> None:
    for name, more in (("RecordingBrought", "file"), ("RecordingsNamed", "urls")):
        assert set(recordings.SCHEMAS[name]["properties"]) == {*FIELDS, more}
