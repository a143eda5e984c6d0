from __future__ import annotations

import pytest

from tests.page.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

BOX = """
    const box = new outbox.Outbox(1000);
    const say = (count, mark = 0) => { for (let i = 0; i < count; i++) box.push(new Int16Array(100).fill(mark + i)); };
    const send = () => {
        const sent = [];
        for (let chunk; (chunk = box.take()) !== null;) sent.push([chunk.number, chunk.pcm[0]]);
        return sent;
    };
"""  # chunks of 0.1 s


async def test_chunks_are_numbered_as_they_are_sent(modules: Page) -> None:
    assert await modules.ask("outbox", BOX + "say(3, 7); return send()") == [[0, 7], [1, 8], [2, 9]]


async def test_a_new_session_gets_again_what_has_no_outcome(modules: Page) -> None:
    """Chunks 0 to 3 are covered by an outcome; 4 to 6 are only acknowledged: their sentence is not told yet."""
    again = await modules.ask(
        "outbox", BOX + "say(10); send(); box.ack(6); box.settle(0.4); box.restart(5); say(1, 10); return send()"
    )
    assert again == [[5, 4], [6, 5], [7, 6], [8, 7], [9, 8], [10, 9], [11, 10]]


async def test_acknowledged_silence_is_not_kept_for_ever(modules: Page) -> None:
    kept, lost = await modules.ask("outbox", BOX + "say(250); send(); box.ack(249); return [box.kept, box.lost]")
    assert kept == pytest.approx(15)
    assert lost == 0


async def test_thirty_seconds_are_kept_and_the_rest_is_counted_as_lost(modules: Page) -> None:
    kept, lost, first = await modules.ask("outbox", BOX + "say(320); return [box.kept, box.lost, send()[0]]")
    assert kept == pytest.approx(30)
    assert lost == pytest.approx(2)
    assert first == [0, 20], "numbers have no gap although audio was dropped"


async def test_what_is_not_acknowledged_is_measured(modules: Page) -> None:
    assert await modules.ask("outbox", BOX + "say(10); send(); box.ack(3); return box.unacknowledged") == pytest.approx(
        0.6
    )


async def test_an_outcome_never_drops_what_was_not_sent(modules: Page) -> None:
    assert await modules.ask("outbox", BOX + "say(2); send(); say(2, 2); box.settle(99); return send()") == [
        [2, 2],
        [3, 3],
    ]
