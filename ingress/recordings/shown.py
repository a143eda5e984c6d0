"""A job as docs/recordings.md has it. PURE."""

from __future__ import annotations

from typing import Any

from wire.records import RecordingRecord
from wire.topology import RECORDING_TTL_S


def job(record: RecordingRecord) -> dict[str, Any]:
    return {
        "object": "job",
        "id": record.id,
        "state": record.state,
        "name": record.name,
        "created": record.created,
        "started": record.started or None,
        "finished": record.finished or None,
        "expires": (record.finished or record.created) + RECORDING_TTL_S,
        "source": record.source,
        "targets": record.targets,
        "between": record.between,
        "speech": record.spoken,
        "duration": record.duration or None,
        "progress": {
            "uploaded": record.uploaded,
            "decoded": record.decoded,
            "heard": record.heard,
            "translated": record.translated,
            "spoken": record.voiced,
        },
        "seconds_left": record.seconds_left if record.seconds_left >= 0 else None,
        "utterances": record.utterances,
        "failures": record.failures,
        "error": failure(record),
    }


def failure(record: RecordingRecord) -> dict[str, Any] | None:
    if not record.code:
        return None
    blame = "server_error" if record.code in OURS else "invalid_request_error"
    return {"message": record.message, "type": blame, "code": record.code, "param": None}


OURS = frozenset({"storage_full", "gave_up", "internal", "model_missing"})
"""Codes of failures that are not the recording's fault."""
