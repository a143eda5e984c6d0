from __future__ import annotations

import msgspec

from ingress.admin.figures import Quantiles
from ingress.admin.told import KEPT, FigureHistory, FleetState, Queues, Rates, SessionCounts, remember

STATE = FleetState(
    at=1.0, ingress="i", version="1", queues=Queues(waiting=3), sessions=SessionCounts(open=2, closing=1),
    rates=Rates(lag=Quantiles(0.1, 0.2, 0.3), refusals={"full": 2.0, "other": 1.0}), pools=[], nodes=[],
    schedulers=[], processes=[],
)  # fmt: skip


def test_a_point_is_kept_of_each_state_and_the_oldest_go() -> None:
    history = FigureHistory()
    for at in range(KEPT + 5):
        remember(history, msgspec.structs.replace(STATE, at=float(at)))
    assert {len(column) for column in msgspec.structs.astuple(history)} == {KEPT}
    assert (history.at[0], history.at[-1]) == (5.0, KEPT + 4.0)
    assert (history.waiting[-1], history.p99[-1], history.sessions[-1], history.refusals[-1]) == (3, 0.3, 3, 3.0)


def test_where_nothing_was_measured_there_is_no_lag() -> None:
    history = FigureHistory()
    remember(history, msgspec.structs.replace(STATE, rates=Rates()))
    assert (history.p50, history.p95, history.p99) == ([-1.0], [-1.0], [-1.0])
