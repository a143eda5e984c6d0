"""`/v1/sessions` as its callers see it, with a real ingress."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from ingress.history import door
from tests.ingress import client
from tests.ingress.access.doors import ask, given
from tests.nats_server import NatsServer
from wire import subjects, transcripts
from wire.bus import Bus
from wire.history import AnyEntry, Erased, HistoryRecord, Rendered, Said, SessionBegan, SessionEnded
from wire.kv import Bucket
from wire.transcripts import Book


@dataclass(frozen=True)
class Doors:
    url: str
    bus: Bus
    ours: str
    theirs: str

    async def ask(self, method: str, path: str, key: str = "") -> tuple[int, Any, dict[str, str]]:
        return await ask(self.url + path, method, key=key or self.ours)

    async def get(self, path: str) -> Any:
        status, body, _ = await self.ask("GET", path)
        assert status == 200, body
        return body


@pytest.fixture
async def doors(server: NatsServer, bus: Bus) -> AsyncIterator[Doors]:
    ours, theirs = await given(bus, "ours"), await given(bus, "theirs")
    async with client.ingress(server.url) as url:
        yield Doors(url, bus, ours, theirs)


def story(session: str) -> list[AnyEntry]:
    return [
        SessionBegan(n=1, at=5.0, source="auto", targets=["fr"]),
        Said(n=2, utterance=1, text=f"Hello from {session}.", language="en", start=1.0, end=2.0),
        Rendered(n=3, utterance=1, target="fr", text="Bonjour."),
        SessionEnded(n=4, reason="client", utterances=1),
    ]


async def keep(bus: Bus, tenant: str, session: str, entries: list[AnyEntry] | None = None) -> None:
    record = HistoryRecord(session=session, began=5.0, days=7, source="auto", targets=["fr"])
    await transcripts.announce(bus, tenant, record)
    book = Book(bus, tenant, session, 0)
    for entry in story(session) if entries is None else entries:
        await book.add(entry, 7)


async def test_sessions_are_listed_page_by_page_the_newest_first(doors: Doors) -> None:
    for number in range(5):
        await keep(doors.bus, "ours", f"s{number}", story("x")[: 4 - number % 2])
        await keep(doors.bus, "theirs", f"t{number}")
    body = await doors.get("/v1/sessions?limit=2")
    assert [each["id"] for each in body["data"]] == ["s4", "s3"]
    assert [each["ended"] is not None for each in body["data"]] == [True, False]
    assert (body["object"], body["has_more"], body["before"]) == ("list", True, "s3")
    body = await doors.get("/v1/sessions?limit=3&before=s3")
    assert [each["id"] for each in body["data"]] == ["s2", "s1", "s0"]
    assert (body["has_more"], body["before"]) == (False, None)
    assert len((await doors.get("/v1/sessions"))["data"]) == 5


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=00000000199", "limit=x", "limit=", "before=t1", "before=none", "before=*"],
)
async def test_pages_that_cannot_be_are_refused(doors: Doors, query: str) -> None:
    await keep(doors.bus, "theirs", "t1")
    status, body, _ = await doors.ask("GET", f"/v1/sessions?{query}")
    assert (status, body["error"]["code"]) == (400, "bad_field")


async def test_a_transcript_in_every_form(doors: Doors) -> None:
    await keep(doors.bus, "ours", "s1")
    session = await doors.get("/v1/sessions/s1")
    assert (session["began"], session["languages"], session["reason"]) == (5.0, ["en", "fr"], "client")
    whole = await doors.get("/v1/sessions/s1/transcript")
    assert whole["utterances"][0]["translations"] == {"fr": "Bonjour."}
    assert (await doors.get("/v1/sessions/s1/transcript?language=fr"))["utterances"][0]["text"] == "Bonjour."
    expected = {
        "txt": ("text/plain; charset=utf-8", "Hello from s1.\n"),
        "srt": ("application/x-subrip; charset=utf-8", "1\n00:00:01,000 --> 00:00:02,"),
        "vtt": ("text/vtt; charset=utf-8", "WEBVTT\n\n00:00:01.000 -->"),
    }
    for kind, (media, begins) in expected.items():
        status, text, headers = await doors.ask("GET", f"/v1/sessions/s1/transcript?format={kind}")
        assert (status, headers["content-type"]) == (200, media)
        assert headers["content-disposition"] == f'attachment; filename="s1.{kind}"'
        assert headers["cache-control"] == "private, no-store"
        assert text.startswith(begins)
    _, text, headers = await doors.ask("GET", "/v1/sessions/s1/transcript?format=txt&language=fr")
    assert (text, headers["content-disposition"]) == ("Bonjour.\n", 'attachment; filename="s1.fr.txt"')


async def test_what_is_not_there_is_said_clearly(doors: Doors) -> None:
    await keep(doors.bus, "ours", "s1")
    status, body, _ = await doors.ask("GET", "/v1/sessions/s1/transcript?language=de")
    assert (status, body["error"]["code"]) == (400, "language_missing")
    assert "en, fr" in body["error"]["message"]
    status, body, _ = await doors.ask("GET", "/v1/sessions/s1/transcript?format=pdf")
    assert (status, body["error"]["code"]) == (400, "bad_field")
    for path in ("/v1/sessions/none", "/v1/sessions/none/transcript", "/v1/sessions/a.b"):
        status, body, _ = await doors.ask("GET", path)
        assert (status, body["error"]["code"]) == (404, "not_found")


async def test_one_tenant_never_sees_anothers(doors: Doors) -> None:
    await keep(doors.bus, "ours", "s1")
    for method, path in (
        ("GET", "/v1/sessions/{}"), ("GET", "/v1/sessions/{}/transcript"), ("DELETE", "/v1/sessions/{}"),
        ("GET", "/v1/sessions/{}/transcript?format=srt&language=fr"), ("GET", "/v1/sessions?before={}"),
    ):  # fmt: skip
        ours, none = [await doors.ask(method, path.format(each), doors.theirs) for each in ("s1", "never")]
        for each in (ours, none):
            each[2].pop("date")
        assert ours == none, path
        assert ours[0] in (400, 404)
    assert (await doors.ask("GET", "/v1/sessions", doors.theirs))[1]["data"] == []
    assert (await doors.get("/v1/sessions/s1"))["utterances"] == 1, "nothing that they did has changed it"


async def test_guests_may_not_look(doors: Doors) -> None:
    status, room, _ = await doors.ask("POST", "/v1/rooms")
    assert status == 201
    for path in ("/v1/sessions", "/v1/sessions/s1", "/v1/sessions/s1/transcript"):
        assert (await doors.ask("GET", path, room["invite"]))[0] == 403


async def test_where_strangers_need_no_key_they_get_no_list(server: NatsServer, bus: Bus) -> None:
    await bus.declare()
    await keep(bus, "default", "s1")
    async with client.ingress(server.url, auth="off", origins=["https://translate.example.org"]) as url:
        status, body, _ = await ask(f"{url}/v1/sessions")
        assert (status, body["error"]["code"]) == (403, "forbidden")
        assert (await ask(f"{url}/v1/sessions/s1"))[0] == 200, "who was told its id was in it"
    async with client.ingress(server.url, auth="off") as url:
        assert len((await ask(f"{url}/v1/sessions"))[1]["data"]) == 1, "this machine's user has it to itself"


async def test_one_transcript_of_each_tenant_is_in_memory_at_once(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading: Counter[str] = Counter()
    both, go = asyncio.Event(), asyncio.Event()

    async def held(bus: Bus, tenant: str, session: str) -> None:
        reading[tenant] += 1
        if len(reading) == 2:
            both.set()
        await go.wait()

    monkeypatch.setattr(transcripts, "of_session", held)
    async with asyncio.TaskGroup() as group, asyncio.timeout(10):
        for key in (doors.ours, doors.ours, doors.ours, doors.theirs):
            group.create_task(doors.ask("GET", "/v1/sessions/s1", key))
        await both.wait()
        assert reading == {"ours": 1, "theirs": 1}
        go.set()
    assert reading == {"ours": 3, "theirs": 1}


async def test_a_deleted_session_is_not_there_any_more(doors: Doors) -> None:
    await keep(doors.bus, "ours", "s1")
    await keep(doors.bus, "ours", "s2")
    status, body, _ = await doors.ask("DELETE", "/v1/sessions/s1")
    assert (status, body) == (200, {"object": "session", "id": "s1", "deleted": True})
    assert [each["id"] for each in (await doors.get("/v1/sessions"))["data"]] == ["s2"]
    assert (await doors.ask("GET", "/v1/sessions/s1"))[0] == 404
    assert (await doors.ask("DELETE", "/v1/sessions/s1"))[0] == 200, "again: where it broke off it is gone on with"
    last = await doors.bus.last(subjects.TRANSCRIPTS, subjects.transcript("ours", "s1"))
    assert last is not None
    assert transcripts.read(last.data) == Erased()
    assert not await Book(doors.bus, "ours", "s1").add(story("s1")[1], 7), "nobody writes behind it"


async def test_a_session_of_which_something_was_lost_or_is_newer_is_listed_as_far_as_it_can_be(doors: Doors) -> None:
    await keep(doors.bus, "ours", "empty", [])
    await keep(doors.bus, "ours", "erased", [Erased()])
    await keep(doors.bus, "ours", "s1")
    await doors.bus.store(f"$KV.{subjects.HISTORIES_KV}.ours.odd", b'{"type":"other"}')
    assert [each["id"] for each in (await doors.get("/v1/sessions"))["data"]] == ["s1"]


async def test_a_page_is_found_among_many_of_others(doors: Doors) -> None:
    histories = Bucket(doors.bus, subjects.HISTORIES_KV, HistoryRecord)
    record = HistoryRecord(session="x", began=5.0, days=7, source="auto")
    for first in range(0, 2000, 200):
        await asyncio.gather(*(histories.put(f"theirs.t{number}", record) for number in range(first, first + 200)))
        await keep(doors.bus, "ours", f"s{first}")
    body = await doors.get("/v1/sessions?limit=5")
    assert [each["id"] for each in body["data"]] == ["s1800", "s1600", "s1400", "s1200", "s1000"]


def test_the_documented_limits_are_those_of_the_code() -> None:
    assert (door.PAGE, door.MAX_PAGE) == (20, 100)
