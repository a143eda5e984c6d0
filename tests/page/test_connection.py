from __future__ import annotations

import pytest

from tests.page.browser import Page
from tests.page.scripted_server import Client, ScriptedServer

pytestmark = pytest.mark.browser

LATER = "performance.now = ((now) => () => now.call(performance) + 3000)(performance.now)"


async def started(page: Page, server: ScriptedServer) -> Client:
    await page.click("#start")
    client = await server.session()
    await client.until(lambda: client.seconds > 0.5)
    return client


async def test_back_off_doubles_is_spread_and_has_an_end(page: Page) -> None:
    low, high = await page.ask(
        "connection",
        "const at = (r) => [0, 1, 2, 3, 20].map((n) => connection.backoff(n, r)); return [at(0), at(1)]",
    )
    assert low == [0.1, 0.2, 0.4, 0.8, 2.5]
    assert high == [0.2, 0.4, 0.8, 1.6, 5]


async def test_stop_sends_the_last_of_it_and_waits_for_the_results(page: Page, server: ScriptedServer) -> None:
    client = await started(page, server)
    await page.click("#start")
    await client.until(lambda: client.said("session.close"))
    await page.until("document.body.dataset.phase === 'closing'")
    await client.transcribe(1, "Le dernier mot.")
    await client.translate(1, "The last word.")
    await client.finish(1)
    await page.until("document.body.dataset.phase === 'ready'")
    assert await page.text(".translation") == "The last word."
    assert await page.eval("notice.hidden")
    assert client.messages[-1]["type"] == "session.close"


async def test_the_button_finalizes(page: Page, server: ScriptedServer) -> None:
    client = await started(page, server)
    await page.click("#finalize")
    await client.until(lambda: client.said("utterance.finalize"))
    assert client.messages == [{"type": "utterance.finalize"}]


async def test_a_server_that_is_away_is_told_calmly_and_for_longer_in_words(page: Page, server: ScriptedServer) -> None:
    first = await started(page, server)
    heard = first.next_chunk
    await server.stop()
    await page.until("document.querySelector('#status-text').textContent === 'Reconnecting…'")
    assert await page.eval("notice.hidden")
    await page.eval(LATER)
    await page.until("notice.dataset.code === 'server_away' && !notice.hidden")
    page.problems.clear()  # the browser says on its console that the socket failed
    await server.start()
    second = await server.returned()
    await second.until(lambda: second.next_chunk > heard)
    await page.until("notice.hidden && document.querySelector('#status-text').textContent === 'Listening'")
    page.problems.clear()


async def test_no_server_at_all(page: Page, server: ScriptedServer) -> None:
    await server.stop()
    await page.click("#start")
    await page.until("document.body.dataset.phase === 'ready' && notice.dataset.code === 'server_off'")
    page.problems.clear()  # the browser says on its console that nothing could be fetched
    await server.start()
    await page.click("#start")
    await server.session()
    await page.until("document.body.dataset.phase === 'live' && notice.hidden")


async def test_leaving_while_it_waits_for_the_server(page: Page, server: ScriptedServer) -> None:
    await started(page, server)
    await server.stop()
    await page.until("document.body.dataset.phase === 'waiting'")
    await page.click("#start")
    await page.until("document.querySelector('#start').innerText === 'Leave now'")
    await page.click("#start")
    await page.until("document.body.dataset.phase === 'ready'")
    page.problems.clear()


@pytest.mark.parametrize(
    ("close", "code", "words"),
    [
        (1013, "too_many_sessions", "full"),
        (1013, "no_node", "No translation node"),
        (4413, "slow_reader", "too slow"),
    ],
)
async def test_who_cannot_be_served_now_is_told_why_and_served_later(
    page: Page, server: ScriptedServer, close: int, code: str, words: str
) -> None:
    await page.click("#start")
    client = await server.client()
    await client.refuse(close, code)
    await page.until(f"document.body.dataset.phase === 'waiting' && notice.dataset.code === '{code}'")
    assert words in await page.text("#notice-title")
    await server.session()
    await page.until("document.body.dataset.phase === 'live' && notice.hidden")


@pytest.mark.parametrize(
    ("close", "code", "words"),
    [(4400, "language_unsupported", "languages"), (1008, "chunk_gap", "error in this page")],
)
async def test_what_would_fail_again_is_not_tried_again(
    page: Page, server: ScriptedServer, close: int, code: str, words: str
) -> None:
    await page.click("#start")
    client = await server.client()
    await client.refuse(close, code)
    await page.until("document.body.dataset.phase === 'ready' && !notice.hidden")
    assert await page.eval("notice.dataset.code") == code
    assert words in await page.text("#notice-title")
    assert await page.eval("notice.dataset.tone") == "bad"


async def test_a_session_that_the_server_ends_is_over(page: Page, server: ScriptedServer) -> None:
    client = await started(page, server)
    await client.tell("session.closed", reason="operator", utterances=0)
    await page.until("document.body.dataset.phase === 'ready' && notice.dataset.code === 'ended_by_server'")


async def test_a_server_that_falls_silent_is_left(page: Page, server: ScriptedServer) -> None:
    statuses = await page.eval(
        f"""(async () => {{
            const {{Connection}} = await import('/static/connection.js');
            const {{Outbox}} = await import('/static/outbox.js');
            const outbox = new Outbox(16000);
            const phases = [];
            window.silent = new Connection({{
                url: '{server.url.replace("http", "ws")}/v1/stream', outbox, openWithin: 0.3, silentFor: 0.3,
                request: {{source: 'auto', targets: [], speech: false}},
                tell: {{status: ({{phase}}) => phases.push(phase), event() {{}}, speech() {{}}, lost() {{}}}},
            }});
            window.phases = phases;
            silent.open();
        }})()"""
    )
    assert statuses is None
    await page.until("phases.includes('waiting')")
    await page.eval("silent.abandon()")
    assert await page.eval("phases.at(-1)") == "closed"


async def test_slow_acknowledgement_is_told(page: Page, server: ScriptedServer) -> None:
    await page.click("#start")
    client = await server.session()
    client.acknowledges = False
    await page.eval("hasten = 10")
    await page.until("notice.dataset.code === 'slow_connection' && !notice.hidden")
    await page.eval("hasten = 1")
    await client.tell("audio.ack", chunk=client.next_chunk - 1)
    client.acknowledges = True
    await page.until("notice.hidden")
