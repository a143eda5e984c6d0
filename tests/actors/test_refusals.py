from __future__ import annotations

import typing

import msgspec

from actors.refusals import in_words
from tests.actors.test_dispatcher import command
from wire.matching import Refusal

JOB = msgspec.structs.replace(command().job, source="ko", targets=["de", "it"], speak=["de"])


def test_each_reason_is_said_with_its_number() -> None:
    assert in_words({"voice": 1, "offline": 2}, JOB) == "no node could take it: 2 offline, 1 without a voice for de"
    assert in_words({"source": 1, "target": 3}, JOB) == (
        "no node could take it: 1 cannot transcribe ko, 3 cannot translate into de, it"
    )
    assert in_words({}, JOB) == "no node could take it: none is there"


def test_there_are_words_for_every_reason() -> None:
    said = {in_words({reason: 1}, JOB) for reason in typing.get_args(Refusal)}
    assert len(said) == len(typing.get_args(Refusal))
    assert all(each.startswith("no node could take it: 1 ") for each in said)
