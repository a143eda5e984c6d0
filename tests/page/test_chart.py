from __future__ import annotations

from typing import Any

import pytest

from tests.page.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_the_top_of_an_axis_is_a_round_number(modules: Page) -> None:
    asked = "return [0, 0.03, 0.7, 1, 1.2, 4.9, 5, 51, 2e4].map(chart.nice);"
    assert await modules.ask("chart", asked) == [1, 0.05, 1, 1, 2, 5, 5, 100, 2e4]


async def test_a_line_breaks_where_nobody_looked_and_nothing_was_measured(modules: Page) -> None:
    path = await modules.ask("chart", "return chart.pathOf([50, 98, 99, 100, 101], [1, 1, -1, 1, 2], 101, 2);")
    assert [each for each in path if each in "ML"] == ["M", "M", "M", "L"]
    assert await modules.ask("chart", "return chart.pathOf([1, 2000], [1, 1], 2000, 1);") == "M476.0 8.0"


async def test_the_nearest_point_is_found(modules: Page) -> None:
    found: list[Any] = await modules.ask(
        "chart", "return [chart.nearest([], 1), ...[0, 1.4, 1.6, 9].map((at) => chart.nearest([1, 2, 4], at))];"
    )
    assert found == [-1, 0, 0, 1, 2]


async def test_values_are_read_with_the_arrow_keys(modules: Page) -> None:
    await modules.ask(
        "chart",
        """
        const made = new chart.Chart({ title: 'Lag', series: [{ name: 'p50' }], write: (v) => v.toFixed(1) });
        document.body.append(made.element);
        made.draw([100, 110, 120], [[1, 2, -1]]);
        made.element.focus();
        """,
    )
    assert "p50 –" in await modules.text(".readout")
    await modules.press("ArrowLeft")
    assert await modules.eval("document.querySelector('.chart').getAttribute('aria-label')") == "Lag, 0:10 ago: p50 2.0"
    await modules.press("Escape")
    assert "now" in await modules.text(".readout")


async def test_events_are_read_out_of_a_stream_as_it_comes(modules: Page) -> None:
    found = await modules.eval(
        """import('/static/dashboard-source.js').then(({ eventsIn }) =>
            eventsIn('event: state\\ndata: {"a":1}\\n\\n:\\n\\nevent: state\\ndata: {"a"'))"""
    )
    assert found == {"events": [{"type": "state", "data": {"a": 1}}], "rest": 'event: state\ndata: {"a"'}
