"""Why no node could take a job, in words: what a client reads when nobody has begun its utterance in time. PURE."""

from __future__ import annotations

from collections.abc import Mapping

from wire.jobs import Job
from wire.matching import Refusal

NOBODY = "no node could take it"


def in_words(refused: Mapping[Refusal, int], job: Job) -> str:
    """Like "no node could take it: 2 offline, 1 without a voice for de"."""
    if not refused:
        return f"{NOBODY}: none is there"
    targets, voices = ", ".join(job.targets), ", ".join(job.speak)
    words: dict[Refusal, str] = {
        "offline": "offline",
        "draining": "about to stop",
        "no_gpu": "without a GPU",
        "foreign_load": "in use by others",
        "excluded": "failed at it before",
        "tag": "without what it asks for",
        "source": f"cannot transcribe {job.source}",
        "target": f"cannot translate into {targets}",
        "voice": f"without a voice for {voices}",
        "no_slot": "full",
    }
    return f"{NOBODY}: " + ", ".join(f"{refused[why]} {said}" for why, said in words.items() if refused.get(why))
