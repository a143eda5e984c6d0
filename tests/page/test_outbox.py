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


async def test_what_is_acknowledged_is_not_kept(modules: Page) -> None:
    kept = await modules.ask("outbox", BOX + "say(10); send(); say(2); box.ack(3); return box.kept")
    assert kept == pytest.approx(0.8)


async def test_when_all_is_acknowledged_nothing_is_kept(modules: Page) -> None:
    assert await modules.ask("outbox", BOX + "say(10); send(); box.ack(9); return box.kept") == 0


async def test_a_session_that_goes_on_gets_what_it_does_not_have_under_the_same_numbers(modules: Page) -> None:
    """Chunks 0 to 6 are stored there, although only 0 to 3 were acknowledged; 10 was said while the way was broken."""
    again, kept, lost = await modules.ask(
        "outbox",
        BOX + "say(10); send(); box.ack(3); say(1, 10); box.resume(7, 0.7); return [send(), box.kept, box.lost]",
    )
    assert again == [[7, 7], [8, 8], [9, 9], [10, 10]]
    assert kept == pytest.approx(0.4)
    assert lost == 0


async def test_an_acknowledgement_that_comes_late_leaves_no_gap_in_what_is_sent_again(modules: Page) -> None:
    again = await modules.ask("outbox", BOX + "say(5); send(); box.resume(2, 0.2); box.ack(3); return send()")
    assert again == [[2, 2], [3, 3], [4, 4]]


async def test_a_session_that_has_more_than_was_acknowledged_or_sent_is_believed(modules: Page) -> None:
    again = await modules.ask("outbox", BOX + "say(3); send(); say(1, 3); box.resume(4, 0.4); return send()")
    assert again == [[4, 3]], "chunk 3 is the server's own: the end of what it resampled"


async def test_a_new_session_gets_all_that_is_kept(modules: Page) -> None:
    again = await modules.ask("outbox", BOX + "say(8); send(); box.ack(3); box.restart(5); say(1, 8); return send()")
    assert again == [[5, 4], [6, 5], [7, 6], [8, 7], [9, 8]]


async def test_thirty_seconds_are_kept_and_the_rest_is_counted_as_lost(modules: Page) -> None:
    kept, lost, first = await modules.ask("outbox", BOX + "say(320); return [box.kept, box.lost, send()[0]]")
    assert kept == pytest.approx(30)
    assert lost == pytest.approx(2)
    assert first == [0, 20], "numbers have no gap although audio was dropped"


@pytest.mark.parametrize(("stored", "lost"), [(10, 1), (20, 0), (30, 0)])
async def test_what_went_after_it_was_sent_is_lost_only_if_the_server_does_not_have_it(
    modules: Page, stored: int, lost: float
) -> None:
    """Of 50 chunks sent, the first 20 had to go."""
    script = f"say(50); send(); say(270, 50); box.resume({stored}, {stored / 10}); return [box.lost, send()]"
    counted, again = await modules.ask("outbox", BOX + script)
    assert counted == pytest.approx(lost)
    assert [number for number, _ in again] == list(range(stored, stored + len(again)))
    assert again[0][1] == max(stored, 20)


async def test_the_position_is_in_the_audio_of_the_session(modules: Page) -> None:
    script = "say(10); send(); const before = box.position; box.resume(4, 0.4); const at = box.position; send();"
    assert await modules.ask("outbox", BOX + script + "return [before, at, box.position]") == pytest.approx([1, 0.4, 1])
