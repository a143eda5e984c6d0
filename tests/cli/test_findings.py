from __future__ import annotations

import io
import json

from rich.console import Console

from cli.findings import Finding, as_json, table, usable

FINDINGS = [Finding("Python", "good", "3.11"), Finding("GPU", "worth knowing", "none", "buy one [x]")]
LACKING = Finding("disk", "lacking", "full", "make room")


def test_only_what_is_lacking_is_in_the_way() -> None:
    assert usable(FINDINGS)
    assert not usable([*FINDINGS, LACKING])


def test_the_table_has_all_of_it_as_it_is_written() -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(table([*FINDINGS, LACKING]))
    assert all(text in out.getvalue() for text in ("Python", "ok", "3.11", "worth knowing", "buy one [x]", "make room"))


def test_json_has_all_of_it() -> None:
    told = json.loads(as_json([LACKING]))
    found = {"what": "disk", "state": "lacking", "found": "full", "mend": "make room"}
    assert told == {"usable": False, "findings": [found]}
