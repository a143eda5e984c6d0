"""Arguments of `dragoman bench`."""

from __future__ import annotations

import pytest

from bench.load import limits, main
from bench.load.crew import shares
from bench.load.limits import TooFewFiles
from bench.load.main import parser, settings, wanted, without_key
from bench.load.plan import Plan
from bench.load.stage import Size
from wire.errors import SettingsError


def test_each_kind_has_its_usual_count() -> None:
    assert wanted(parser().parse_args(["herd"])).count == 2000
    assert wanted(parser().parse_args(["herd", "--count", "7"])).count == 7


@pytest.mark.parametrize(
    "argv",
    [
        ["chaos", "--url", "http://127.0.0.1:1"],
        ["streams", "--count", "0"],
        ["slowloris", "--real", "0"],
    ],
)
def test_what_cannot_be_is_refused(argv: list[str]) -> None:
    with pytest.raises(SettingsError):
        wanted(parser().parse_args(argv))


def test_settings_of_the_fleet_are_given_by_kind() -> None:
    found = settings(["ingress.max_sessions=20", "node.drain_s=3"])
    assert found == {"ingress": {"max_sessions": "20"}, "node": {"drain_s": "3"}}
    shape = Size(slots=3, settings=found).shape()
    assert shape.settings["ingress"]["max_sessions"] == "20"
    assert shape.settings["node"]["slots"] == "3"
    assert "ingress.max_sessions=20" in str(Size(settings=found))
    for wrong in ("max_sessions=20", "ingress.max_sessions", "server.x=1"):
        with pytest.raises(SettingsError, match=r"KIND\.NAME=VALUE"):
            settings([wrong])


def test_a_report_does_not_say_the_key() -> None:
    assert without_key(["streams", "--key", "dg_x", "--key=dg_y"]) == ["streams", "--key", "…", "--key=…"]


def test_a_recording_whose_words_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BaseExceptionGroup) as ended:
        main.main(["streams", "--url", "http://127.0.0.1:9", "--audio", "x.wav", "--count", "1"])
    assert ended.group_contains(SettingsError, match="--said")


def test_many_clients_are_shared_among_processes() -> None:
    found = shares(Plan(kind="speak", count=2500, addresses=[], opening="", first=10))
    assert [(plan.first, plan.count) for plan in found] == [(10, 833), (843, 833), (1676, 834)]
    assert len(shares(Plan(kind="hold", count=2000, addresses=[], opening=""))) == 1


def test_too_few_files_are_told_before_anything_begins() -> None:
    limits.check_files(10)
    with pytest.raises(TooFewFiles, match="ulimit -n"):
        limits.check_files(10**9)
