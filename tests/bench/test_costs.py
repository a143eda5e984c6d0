from __future__ import annotations

import io

from rich.console import Console

from bench import costs


def test_what_was_measured_is_shown_for_each_process() -> None:
    each = dict.fromkeys(costs.PROGRAMS, 1.25)
    run = costs.Run(
        "speech", each, 33.4, 34.7, dict.fromkeys(costs.STREAMS, 10.0), 0.167, dict.fromkeys(costs.PROGRAMS, 66.0)
    )
    Console(width=200, file=(out := io.StringIO())).print(costs.shown([run]))
    text = out.getvalue()
    assert all(part in text for part in ("scheduler, ms", "1.25", "33.4", "0.167", "66 66 66 66"))


def test_each_run_asks_for_more_than_the_one_before() -> None:
    names = [name for name, _, _ in costs.kinds(b"room", b"speech")]
    asked = [start for _, _, start in costs.kinds(b"room", b"speech")]
    assert len(names) == 5
    assert [bool(start.targets) for start in asked] == [False, False, False, True, True]
    assert [start.speech for start in asked][-1] is True
