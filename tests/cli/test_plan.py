from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import plan

GOLDEN = Path(__file__).parents[1] / "data" / "plan.txt"
EXAMPLE = ["--streams", "500", "--rtf", "0.1", "--speech-share", "0.6", "--targets", "3"]


def test_the_example_of_the_documentation_is_told_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """`dragoman plan … > tests/data/plan.txt` where a change is meant."""
    assert plan.main(EXAMPLE) == 0
    assert capsys.readouterr().out == GOLDEN.read_text()


def test_programs_get_all_of_it_with_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan.main([*EXAMPLE, "--json", "--spoken", "1", "--rtf-speech", "0.2"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["asked"]["spoken"], told["asked"]["rtf_speech"]) == (1, 0.2)
    assert told["asked"]["rtf_translate"] == pytest.approx(0.1 / 3)
    lines = {line["key"]: line for line in told["plan"]}
    assert lines["price"]["value"] == pytest.approx(0.6 * (0.1 + 3 * 0.1 / 3 + 0.2))
    assert all(figure["source"] for figure in told["figures"].values())
    assert told["warnings"]


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ([], "--streams is missing"),
        (["--streams", "0"], "0 is not 1 or more"),
        (["--streams", "1.5"], "'1.5' is no whole number"),
        (["--streams", "5", "--rtf", "fast"], "'fast' is no number"),
        (["--streams", "5", "--rtf", "nan"], "nan is not 0 or more"),
        (["--streams", "5", "--speech-share", "60"], "60 is not 0 to 1"),
        (["--streams", "5", "--utilization", "0"], "0 is not 0.01 to 1"),
    ],
)
def test_what_cannot_be_reckoned_is_refused(
    flags: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        plan.main(flags)
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (3.0, "3"), (0.2099, "0.21"), (12.34, "12.3"), (1234.5, "1,234"), (1e6, "1,000,000")],
)
def test_amounts(value: float, shown: str) -> None:
    assert plan.amount(value) == shown
