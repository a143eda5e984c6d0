"""docs/history.md has the very tables."""

from __future__ import annotations

import re
from pathlib import Path

from cli.exporting import schema

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "history.md").read_text(encoding="utf-8")


def test_every_table_and_column_is_documented() -> None:
    made = re.findall(r"create table dragoman\.(\w+) \((.*?)\n    \);", "".join(schema.VERSIONS), re.DOTALL)
    assert len(made) == 4
    for table, columns in made:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{table}` |"))
        for column in re.findall(r"^\s+(\w+) (?:text|timestamptz|integer|double|jsonb)", columns, re.MULTILINE):
            assert f"`{column}`" in row, (table, column)
