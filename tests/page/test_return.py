"""The page comes back: docs/protocol.md, *Coming back*."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.page.browser import Page
from tests.page.scripted_server import Client, ScriptedServer, tone

pytestmark = pytest.mark.browser

TEXTS = "Array.from(document.querySelectorAll('.original'), (p) => p.textContent)"

# A connection of its own, without a microphone: `say` gives it tenths of a second that are marked 0, 1, 2, …
DIRECT = """
    (async () => {
        const [{Connection}, {Outbox}] = await Promise.all(
            ['connection', 'outbox'].map((name) => import(`/static/${name}.js`)));
        const outbox = new Outbox(16000);
        let mark = 0;
        window.seen = [];
        window.retries = [];
        window.connection = new Connection({
            url: location.origin.replace('http', 'ws') + '/v1/stream', outbox,
            request: {source: 'auto', targets: ['en'], speech: true},
            retry: (attempt) => { retries.push(attempt); return 0.02; },
            tell: {
                status: ({phase}) => seen.push(phase), event: ({type}) => seen.push(type),
                speech() {}, lost: () => seen.push('lost'),
            },
        });
        window.outbox = outbox;
        window.say = (tenths) => {
            for (let i = 0; i < tenths; i++) outbox.push(new Int16Array(1600).fill(mark++));
            connection.pump();
        };
        connection.open();
    })()
"""


async def started(page: Page, server: ScriptedServer) -> Client:
    await page.click("#start")
    client = await server.session()
    await client.until(lambda: client.seconds > 0.5)
    return client


async def direct(page: Page, server: ScriptedServer, tenths: int = 5) -> Client:
    await page.eval(DIRECT)
    client = await server.session()
    await page.eval(f"say({tenths})")
    await client.until(lambda: client.next_chunk == tenths)
    return client


async def grown(client: Client, chunks: int = 3) -> None:
    """So many more chunks have come."""
    wanted = client.next_chunk + chunks
    await client.until(lambda: client.next_chunk >= wanted)


def marks(client: Client) -> list[int]:
    return [int(np.frombuffer(chunk, "<i2")[0]) for chunk in client.session.chunks]


async def all_of_it(page: Page, client: Client) -> None:
    """What the server has is, sample by sample, what the microphone gave."""
    got = client.samples()
    recorded = np.array(await page.eval("recorded"))
    assert len(recorded) >= len(got) > 0
    assert (recorded[: len(got)] == got).all()


async def test_a_drop_in_the_middle_of_a_sentence_costs_no_word(page: Page, server: ScriptedServer) -> None:
    first = await started(page, server)
    await first.transcribe(1, "Première phrase.", end=0.3)
    await first.translate(1, "First sentence.")
    await first.tell("transcript.partial", utterance=2, committed="Deuxième", tentative="phr")
    await page.until("document.querySelector('.partial')")
    first.acknowledges = False
    stored = first.next_chunk
    await grown(first, 5)
    await first.drop()
    del first.session.chunks[stored:]  # they were on the way only
    await page.until("document.querySelector('#status-text').textContent === 'Reconnecting…'")
    await first.transcribe(2, "Deuxième phrase.", start=0.4, end=0.8)
    await first.translate(2, "Second sentence.")
    assert await page.eval("notice.hidden && document.querySelectorAll('.caption').length === 2")

    second = await server.returned()
    assert second.start["n"] == 3
    await second.until(lambda: second.next_chunk > stored + 10)
    await page.until("document.body.dataset.phase === 'live' && document.querySelectorAll('.sentence').length === 2")
    assert await page.eval(TEXTS) == ["Première phrase.", "Deuxième phrase."]
    assert await page.eval("document.querySelector('#announcer').childElementCount") == 2
    await all_of_it(page, second)


async def test_it_comes_back_time_and_again(page: Page, server: ScriptedServer) -> None:
    client = await started(page, server)
    for utterance in range(1, 5):
        await client.drop()
        await client.transcribe(utterance, f"{utterance}.")
        client = await server.returned()
        await grown(client)
    await page.until("document.querySelectorAll('.caption').length === 4")
    assert await page.eval(TEXTS) == ["1.", "2.", "3.", "4."]
    await all_of_it(page, client)


async def test_a_return_that_breaks_half_way_is_made_again(page: Page, server: ScriptedServer) -> None:
    first = await started(page, server)
    await first.drop()
    await first.transcribe(1, "Un.")
    await first.transcribe(2, "Deux.")
    half = await server.client()
    [event, *_] = half.session.missed(half.start["n"], [])
    assert isinstance(event, str)
    await half.socket.send_str(event)
    await page.until("document.querySelectorAll('.caption').length === 1")
    await half.drop()
    again = await server.returned()
    assert again.start["n"] == half.start["n"] + 1
    await page.until("document.querySelectorAll('.caption').length === 2")
    assert await page.eval(TEXTS) == ["Un.", "Deux."]


async def test_speech_that_was_half_played_goes_on_where_it_was(page: Page, server: ScriptedServer) -> None:
    first = await started(page, server)
    await first.transcribe(1, "Un.")
    await first.translate(1, "One.")
    await first.tell("speech.started", utterance=1, target="en", sample_rate=22_050)
    for sequence in range(2):
        await first.frame(1, sequence, tone(0.2))
    await first.until(lambda: first.said("speech.playing"))
    await first.drop()
    for sequence in range(2, 4):
        await first.frame(1, sequence, tone(0.2))
    await first.tell("speech.ended", utterance=1, target="en", seconds=0.8, chunks=4)
    await first.speak(2, tone(0.2))
    assert await page.eval("document.querySelector('.speaking') !== null")

    second = await server.returned()
    assert second.start["heard"] == [{"utterance": 1, "target": "en", "chunks": 2}]
    await second.until(lambda: [each["utterance"] for each in second.said("speech.played")] == [1, 2])
    played = await page.eval("played")
    assert sum(each["to"] - each["from"] for each in played) == pytest.approx(1.0, abs=0.01), "each sample once"
    assert all(earlier["to"] <= later["from"] + 1e-6 for earlier, later in itertools.pairwise(played))


async def test_what_was_played_and_chosen_while_away_is_told_on_the_way_back(
    page: Page, server: ScriptedServer
) -> None:
    first = await started(page, server)
    await first.transcribe(1, "Un.")
    await first.speak(1, tone(0.5))
    await first.until(lambda: first.said("speech.playing"))
    await first.drop()
    back = await server.client()
    await page.until("spoken.size === 1 && !document.querySelector('.speaking')")
    await page.choose("#source", "fr")
    await page.choose("#target", "de")
    await back.resume()
    await back.until(lambda: back.said("session.update") and back.said("speech.played"))
    [update] = back.said("session.update")
    assert (update["source"], update["targets"]) == ("fr", ["de"])


async def test_ten_seconds_without_a_server_lose_nothing(page: Page, server: ScriptedServer) -> None:
    first = await direct(page, server)
    await server.stop()
    await page.until("retries.length >= 3")
    await page.eval("say(100)")
    page.problems.clear()  # the browser says on its console that the socket failed
    await server.start()
    second = await server.returned()
    await second.until(lambda: second.next_chunk == 105)
    page.problems.clear()
    assert marks(second) == list(range(105))
    assert second.session is first.session
    assert await page.eval("retries") == list(range(await page.eval("retries.length"))), "longer each time"
    assert await page.eval("outbox.lost") == 0
    await page.eval("connection.abandon()")


async def test_of_more_than_thirty_seconds_the_newest_are_sent_and_the_rest_is_counted(
    page: Page, server: ScriptedServer
) -> None:
    first = await direct(page, server)
    await first.drop()
    second = await server.client()
    await page.eval("say(400)")
    await second.resume()
    await second.until(lambda: second.next_chunk == 305)
    assert marks(second) == [*range(5), *range(105, 405)]
    assert await page.eval("outbox.lost") == pytest.approx(10)
    await page.eval("connection.abandon()")


async def test_what_is_lost_is_told(page: Page, server: ScriptedServer) -> None:
    first = await started(page, server)
    await first.drop()
    second = await server.client()
    await page.eval("hasten = 100")
    await page.until("notice.dataset.code === 'audio_lost' && !notice.hidden")
    await page.eval("hasten = 1")
    await second.resume()
    await page.until("document.body.dataset.phase === 'live'")
    assert await page.text("#notice-title") == "Some speech was lost"


async def test_a_session_that_is_no_longer_known_is_followed_by_a_new_one(page: Page, server: ScriptedServer) -> None:
    first = await started(page, server)
    await first.transcribe(1, "Avant.", end=0.3)
    await first.tell("transcript.partial", utterance=2, committed="Et puis", tentative="cela")
    await page.until("document.querySelectorAll('.caption').length === 2")
    first.acknowledges = False
    stored = first.next_chunk
    await grown(first, 5)
    unacknowledged = b"".join(first.session.chunks[stored:])
    await first.drop()
    back = await server.client()
    await back.refuse(4404, "session_unknown")

    second = await server.session()
    assert second.session is not first.session
    await second.until(lambda: len(second.audio) > len(unacknowledged))
    assert second.audio.startswith(unacknowledged)
    await second.transcribe(1, "Après.", end=0.3)
    await page.until("document.querySelectorAll('.caption').length === 3")
    assert await page.eval(TEXTS) == ["Avant.", "Et puis (was lost with the connection)", "Après."]
    assert await page.eval("notice.hidden ? null : notice.dataset.code") == "session_unknown"
    assert await page.eval("document.body.dataset.phase") == "live"


async def test_a_session_that_ended_meanwhile_tells_its_last_words_and_is_followed_by_a_new_one(
    page: Page, server: ScriptedServer
) -> None:
    first = await started(page, server)
    await first.drop()
    await first.transcribe(1, "Le dernier mot.")
    await first.tell("session.closed", reason="left", utterances=1)
    back = await server.client()
    await back.catch_up()
    second = await server.session()
    await second.transcribe(1, "Le premier.")
    await page.until("document.querySelectorAll('.caption').length === 2")
    assert await page.eval(TEXTS) == ["Le dernier mot.", "Le premier."]
    assert await page.eval("document.body.dataset.phase") == "live"


async def test_a_server_that_goes_away_is_left_for_another_at_once(page: Page, server: ScriptedServer) -> None:
    first = await direct(page, server)
    await first.refuse(1012, "going_away")
    second = await server.returned()
    await page.eval("say(5)")
    await second.until(lambda: second.next_chunk == 10)
    assert await page.eval("retries") == [], "no waiting"
    assert marks(second) == list(range(10))
    await page.until("seen.at(-1) === 'audio.ack'")
    assert "lost" not in await page.eval("seen")
    await page.eval("connection.abandon()")


async def test_a_server_that_only_says_go_away_is_not_asked_without_pause(page: Page, server: ScriptedServer) -> None:
    await (await direct(page, server)).refuse(1012, "going_away")
    for _ in range(2):
        await (await server.client()).refuse(1012, "going_away")
    await server.returned()
    assert await page.eval("retries") == [1, 2]
    await page.eval("connection.abandon()")


async def test_a_connection_that_was_replaced_is_made_again(page: Page, server: ScriptedServer) -> None:
    await (await direct(page, server)).refuse(1008, "replaced")
    await server.returned()
    await page.eval("connection.abandon()")


async def test_stop_while_the_server_is_away_still_brings_the_last_words(page: Page, server: ScriptedServer) -> None:
    first = await started(page, server)
    first.acknowledges = False
    await first.drop()
    back = await server.client()
    await page.click("#start")
    await page.until("document.querySelector('#start').innerText === 'Leave now'")
    await back.resume()
    await back.until(lambda: back.said("session.close"))
    await all_of_it(page, back)
    await back.drop()
    await back.transcribe(1, "Le dernier mot.")
    last = await server.returned()
    await last.until(lambda: last.said("session.close"))
    await last.finish(1)
    await page.until("document.body.dataset.phase === 'ready'")
    assert await page.eval(TEXTS) == ["Le dernier mot."]
    assert await page.eval("notice.hidden")


async def test_results_that_are_owed_are_fetched_although_all_audio_is_there(
    page: Page, server: ScriptedServer
) -> None:
    first = await direct(page, server)
    await page.until("outbox.kept === 0")
    await first.drop()
    await page.until("seen.at(-1) === 'waiting'")
    await page.eval("connection.close()")
    last = await server.returned()
    await last.until(lambda: last.said("session.close"))
    await last.finish()
    await page.until("seen.at(-1) === 'closed'")


async def half_spoken(page: Page, server: ScriptedServer) -> Client:
    """The page has played all that it has of utterance 1, and waits for the rest."""
    client = await started(page, server)
    await client.transcribe(1, "Un.")
    await client.tell("speech.started", utterance=1, target="en", sample_rate=22_050)
    await client.frame(1, 0, tone(0.2))
    await client.until(lambda: client.said("speech.playing"))
    return client


async def test_speech_of_a_lost_session_does_not_hold_up_the_next(page: Page, server: ScriptedServer) -> None:
    await (await half_spoken(page, server)).drop()
    await (await server.client()).refuse(4404, "session_unknown")
    second = await server.session()
    await second.transcribe(1, "Encore un.")
    await second.speak(1, tone(0.2))
    await second.until(lambda: second.said("speech.played"))


async def test_speech_that_will_not_come_is_not_waited_for_after_the_end(page: Page, server: ScriptedServer) -> None:
    client = await half_spoken(page, server)
    await page.until("document.querySelector('.speaking')")
    await client.refuse(1008, "protocol_violation")
    await page.until("document.body.dataset.phase === 'ready' && !document.querySelector('.speaking')")


async def test_a_way_that_is_dead_without_a_word_is_left(page: Page, server: ScriptedServer) -> None:
    first = await direct(page, server)
    first.acknowledges = False
    await page.eval("connection.silentFor = 0.3")
    second = await server.returned()
    assert second.session is first.session
    await page.eval("connection.abandon()")
