from __future__ import annotations

import re
from pathlib import Path

from ingress import endings
from ingress.endings import Ending
from wire.errors import LanguageUnsupported, NatsUnavailable

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"


def documented() -> dict[int, set[str]]:
    """Close codes and the error codes before them, from the table in docs/protocol.md."""
    rows = re.findall(r"^\| (\d{4}) \|[^|]*\|([^|]*)\|$", PROTOCOL.read_text(encoding="utf-8"), re.MULTILINE)
    return {int(close): set(re.findall(r"`(\w+)`", codes)) for close, codes in rows}


def test_every_ending_is_in_the_protocol() -> None:
    table = documented()
    mine = [each for each in vars(endings).values() if isinstance(each, Ending)]
    assert len(mine) > 8
    for ending in mine:
        if ending.error is not None:
            assert ending.error.code in table[ending.close], ending


def test_only_what_may_pass_by_itself_is_retryable() -> None:
    retryable = {
        name: each.error.retryable for name, each in vars(endings).items() if isinstance(each, Ending) and each.error
    }
    assert {name for name, yes in retryable.items() if yes} == {
        "STOPPING", "FULL", "NO_NATS", "NO_NODE", "NO_SCHEDULER",
    }  # fmt: skip


def test_an_error_keeps_its_code_and_message() -> None:
    ending = Ending.because(endings.IMPOSSIBLE, LanguageUnsupported("nobody speaks 'xx'"))
    assert ending.error is not None
    assert (ending.error.code, ending.error.message) == ("language_unsupported", "nobody speaks 'xx'")
    assert not ending.error.retryable
    again = Ending.because(endings.TRY_LATER, NatsUnavailable("away"))
    assert again.error is not None
    assert again.error.retryable


def test_reasons_for_logs() -> None:
    assert [each.reason for each in (endings.CLOSED, endings.LEFT, endings.QUIET)] == ["closed", "left", "idle"]
