"""docs/operations.md against the code: every metric with its labels and what it says, and every alert."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from prometheus_client import Histogram

from tests.wire.test_metrics import ALL, Declared
from wire import metrics

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def row(each: Declared) -> str:
    made = getattr(metrics, each.constant)
    kind = "histogram" if isinstance(made, Histogram) else "counter" if each.name.endswith("_total") else "gauge"
    return f"| `{each.name}` | {kind} | {', '.join(f'`{label}`' for label in each.labels)} | {each.help} |"


def test_the_page_has_every_metric_as_it_is_and_no_other() -> None:
    expected = {row(each) for each in ALL}
    found = {line for line in PAGE.splitlines() if line.startswith("| `dragoman_")}
    assert not found - expected, "these rows are not (or no longer) so"
    assert not expected - found, "these rows are missing:\n" + "\n".join(sorted(expected - found))


def test_the_page_has_every_alert() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    alerts = {(rule["alert"], rule["labels"]["severity"]) for group in rules["groups"] for rule in group["rules"]}
    assert set(re.findall(r"^\| `(Dragoman\w+)` \|.*\| (\w+) \|$", PAGE, re.MULTILINE)) == alerts
