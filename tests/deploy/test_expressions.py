"""deploy/grafana and deploy/prometheus against wire/metrics.py: every name, label and suffix in them is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from prometheus_client import Counter, Histogram

from wire import metrics
from wire.metrics import Family

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DASHBOARD = DEPLOY / "grafana" / "dragoman.json"
RULES = DEPLOY / "prometheus" / "alerts.yml"
SCRAPE = DEPLOY / "prometheus" / "prometheus.yml"

OF_TARGETS = {"instance", "job"}
"""Labels that Prometheus itself adds."""
WORDS = {
    "absent", "and", "avg", "by", "histogram_quantile", "increase", "max", "min", "or", "rate", "sum", "unless",
    "without",
}  # fmt: skip
GROWS = ("_total", "_bucket", "_count", "_sum")
SELECTOR = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)\s*(\{(?P<matchers>[^}]*)\})?\s*(\[(?P<range>[^\]]+)\])?")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")


@cache
def known() -> dict[str, frozenset[str]]:
    """Samples that there are -> their labels."""
    found: dict[str, frozenset[str]] = {"up": frozenset()}
    for family in metrics.PROCESS.collect():
        found |= {sample.name: frozenset() for sample in family.samples if sample.name.startswith("process_")}
    for value in vars(metrics).values():
        match value:
            case Family(name=name, labels=labels):
                found[name] = frozenset(labels)
            case Counter():
                found[f"{value._name}_total"] = frozenset(value._labelnames)
            case Histogram():
                labels = value._labelnames
                found |= {f"{value._name}_{suffix}": frozenset(labels) for suffix in ("count", "sum")}
                found[f"{value._name}_bucket"] = frozenset((*labels, "le"))
    return found


def complaints(expression: str) -> Iterator[str]:
    """What in it names nothing."""
    labels = set(OF_TARGETS)
    bare = GROUPING.sub(" ", expression)
    for found in SELECTOR.finditer(re.sub(r"\b\d[\w.]*", " ", bare)):
        name = found["name"]
        if name in WORDS and found["matchers"] is None:
            continue
        if name not in known():
            yield f"there is no metric {name}"
            continue
        mine = known()[name] | OF_TARGETS
        labels |= mine
        for matcher in re.findall(r"(\w+)\s*[=!]~?", found["matchers"] or ""):
            if matcher not in mine:
                yield f"{name} has no label {matcher}"
        if name.endswith(GROWS) and found["range"] is None:
            yield f"{name} must have a range: it only grows"
        if found["range"] is not None and not name.endswith(GROWS):
            yield f"{name} must not have a range: it is a gauge"
    for grouping in GROUPING.findall(expression):
        for label in filter(None, (each.strip() for each in grouping.split(","))):
            if label not in labels:
                yield f"nothing in it has the label {label}"


class Shown(NamedTuple):
    """`legend`: a text with labels in it."""

    where: str
    expression: str
    legend: str = ""


def panels() -> list[dict[str, Any]]:
    return list(json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"])


def of_the_dashboard() -> Iterator[Shown]:
    for panel in panels():
        for target in panel.get("targets", ()):
            yield Shown(panel["title"], target["expr"].replace("$__rate_interval", "5m"), target["legendFormat"])


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def of_the_alerts() -> Iterator[Shown]:
    for rule in rules():
        yield Shown(rule["alert"], rule["expr"], " ".join(rule["annotations"].values()))


@pytest.mark.parametrize("shown", [*of_the_dashboard(), *of_the_alerts()], ids=lambda shown: shown.where)
def test_every_name_is_there(shown: Shown) -> None:
    assert list(complaints(shown.expression)) == []
    labels = {label for name in known() if re.search(rf"\b{name}\b", shown.expression) for label in known()[name]}
    for label in re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", shown.legend):
        assert label in labels | OF_TARGETS, f"nothing in it has the label {label}"


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("dragoman_session_held", "there is no metric dragoman_session_held"),
        ("sum by (tenant) (dragoman_sessions_held)", "nothing in it has the label tenant"),
        ('dragoman_nodes{status="ready"}', "dragoman_nodes has no label status"),
        ("rate(dragoman_stage_seconds[5m])", "there is no metric dragoman_stage_seconds"),
        ("dragoman_jobs_dead_total > 0", "dragoman_jobs_dead_total must have a range"),
        ("rate(dragoman_sessions_held[5m])", "dragoman_sessions_held must not have a range"),
        ("medium(dragoman_sessions_held)", "there is no metric medium"),
    ],
)
def test_what_names_nothing_is_found(expression: str, told: str) -> None:
    assert any(complaint.startswith(told) for complaint in complaints(expression))


def test_alerts_say_what_is_wrong_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names) > 10
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"].endswith(".")
        assert len(rule["annotations"]["runbook"]) > 80
        for named in re.findall(r"\b(?:dragoman|process)_\w+", rule["annotations"]["runbook"]):
            assert any(sample.startswith(named) for sample in known()), f"{rule['alert']} speaks of {named}"


def test_the_dashboard_can_be_imported() -> None:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert (board["uid"], board["title"]) == ("dragoman", "Dragoman")
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids)
    sources = [each for panel in panels() for each in (panel, *panel.get("targets", ())) if panel["type"] != "row"]
    assert all(each["datasource"] == {"type": "prometheus", "uid": "${datasource}"} for each in sources)
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, f"{panel['title']} lies over another"
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_prometheus_reads_the_alerts_and_asks_the_ports_of_dragoman_up() -> None:
    config = yaml.safe_load(SCRAPE.read_text(encoding="utf-8"))
    assert config["rule_files"] == [RULES.name]
    (job,) = config["scrape_configs"]
    assert job["static_configs"][0]["targets"] == [f"127.0.0.1:{9100 + place}" for place in range(3)]
