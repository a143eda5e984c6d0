"""What was said in a session that was deleted is nowhere in the server's files."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from actors.scheduler import Scheduler
from ingress.history import erasing
from ingress.history.erasing import SessionOpen, Turning
from tests.actors.life import Teller, transcribed
from tests.inbox import beside
from tests.nats_server import CONFIG, NatsServer, running
from tests.waiting import until
from wire import subjects, transcripts
from wire.bus import Bus
from wire.env import SchedulerSettings
from wire.errors import NatsUnavailable
from wire.history import Said, SessionEnded
from wire.messages import ClientMail, CloseRequested, Mail
from wire.records import DeadJob
from wire.transcripts import Book

SECRET = "quokka"
"""Nobody says it by chance."""


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[tuple[NatsServer, Bus]]:
    """A server that tidies up once a second."""
    config = tmp_path / "nats.conf"
    config.write_text(CONFIG.read_text().replace('sync_interval: "10s"', 'sync_interval: "1s"'))
    assert '"1s"' in config.read_text()
    with running(tmp_path / "nats", ("-c", str(config))) as server:
        async with Bus.connect(server.url, "test") as bus:
            await bus.declare()
            yield server, bus


def places(server: NatsServer, said: str = SECRET) -> list[str]:
    """Files of the server that have it."""
    there = []
    for path in (server.directory / "store").rglob("*"):
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            if said.encode() in path.read_bytes():
                there.append(path.parts[-3])
    return sorted(set(there))


async def post(bus: Bus, session: str, mails: list[Mail]) -> None:
    for mail in mails:
        side = "client" if isinstance(mail, ClientMail) else "node"
        if hasattr(mail, "session"):
            mail = msgspec.structs.replace(mail, session=session)
        if hasattr(mail, "job"):
            mail = msgspec.structs.replace(mail, job=subjects.job_id(session, 1), text=f"{SECRET} of {session}")
        await bus.store(subjects.mailbox(session, side), mail)  # type: ignore[arg-type]


async def live(bus: Bus, session: str) -> None:
    """A session in which something was said, and that was closed."""
    teller = Teller(targets=()).voice(1).quiet(1)
    story = [mail for _, mail in teller.story]
    await post(bus, session, [*story, transcribed(1), CloseRequested(after=teller.chunk - 1)])

    async def over() -> bool:
        found = await transcripts.of_session(bus, "default", session)
        return found is not None and bool(found.ended)

    await until(over)
    await until(lambda: _closed(bus, session))


async def _closed(bus: Bus, session: str) -> bool:
    try:
        await erasing.check_over(bus, "default", session)
    except SessionOpen:
        return False
    return True


async def test_nothing_of_a_deleted_session_is_left_on_the_disk(quick: tuple[NatsServer, Bus]) -> None:
    server, bus = quick
    scheduler = Scheduler(bus, SchedulerSettings(), "a")
    turning = Turning(bus, every=0.1)
    async with beside(scheduler.run()), beside(turning.run()):
        await until(lambda: _owns_all(scheduler))
        await live(bus, "s1")
        await live(bus, "s2")
        dead = DeadJob(
            job="s1.1", session="s1", utterance=1, pool="p", attempts=4, node="n", reason=SECRET + " of s1", seconds=1
        )
        await bus.store(subjects.dead("p", "s1"), dead)
        await bus.store(subjects.dead_job("p", "s1", 1), dead)
        assert {"TRANSCRIPTS", "EVENTS", "MAILBOX", "DEAD", "KV_sessions"} <= set(places(server, f"{SECRET} of s1"))
        await erasing.erase(bus, "default", "s1")
        turning.want()

        async def nowhere() -> bool:
            return places(server, f"{SECRET} of s1") == []

        try:
            await until(nowhere, 20)
        except TimeoutError as error:
            raise AssertionError(places(server, f"{SECRET} of s1")) from error
        other = await transcripts.of_session(bus, "default", "s2")
        assert other is not None
        assert [line.text for line in other.lines] == [f"{SECRET} of s2"], "and nobody else's is touched"
        assert await transcripts.of_session(bus, "default", "s1") is None
        assert await transcripts.announced(bus, "default", "s1") is None
        assert scheduler.totals().get("mail_dropped", 0) == 0, "fillers are nobody's mail"
        await live(bus, "s3")


async def _owns_all(scheduler: Scheduler) -> bool:
    return scheduler.leases.held == subjects.PARTITIONS


async def test_a_session_that_is_open_is_not_deleted(bus: Bus) -> None:
    opened = [mail for _, mail in Teller(targets=()).story]
    await post(bus, "s1", opened)
    with pytest.raises(SessionOpen):
        await erasing.check_over(bus, "default", "s1")
    scheduler = Scheduler(bus, SchedulerSettings(), "a")
    async with beside(scheduler.run()):

        async def begun() -> bool:
            return scheduler.totals().get("history_kept", 0) == 1

        await until(begun)
        with pytest.raises(SessionOpen):
            await erasing.check_over(bus, "default", "s1")
        await post(bus, "s1", [CloseRequested(after=-1)])
        await until(lambda: _closed(bus, "s1"))
    await erasing.check_over(bus, "default", "never")


async def test_whatever_is_said_while_it_is_erased_is_not_taken(bus: Bus) -> None:
    book = Book(bus, "t", "s1")
    await book.add(Said(n=1, utterance=1, text="x", language="en", start=0, end=1), 7)
    await erasing.erase(bus, "t", "s1")
    assert not await book.add(SessionEnded(n=2, reason="client", utterances=1), 7)
    found = await transcripts.held(bus, subjects.TRANSCRIPTS, subjects.TRANSCRIPT_ALL)
    assert len(found) == 1


async def test_files_are_turned_over_when_the_server_is_there_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    turned: list[str] = []

    async def turn(_: Bus, stream: str) -> None:
        turned.append(stream)
        if len(turned) == 1:
            raise NatsUnavailable("not now")

    monkeypatch.setattr(erasing, "turn", turn)
    turning = Turning(bus, every=0.01)

    async def done() -> bool:
        return turning.turned == 1

    async with beside(turning.run()):
        turning.want()
        await until(done)
    assert len(turned) == 1 + len(erasing.FILLED)


async def test_one_message_is_overwritten_at_a_time(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    await bus.declare()
    for n in range(1, 6):
        await Book(bus, "t", "s1").add(Said(n=n, utterance=n, text=SECRET, language="en", start=0, end=1), 7)
    under_way: set[int] = set()
    most = 0
    discard = bus.discard

    async def watched(stream: str, sequence: int) -> None:
        nonlocal most
        under_way.add(sequence)
        most = max(most, len(under_way))
        await discard(stream, sequence)
        under_way.discard(sequence)

    monkeypatch.setattr(bus, "discard", watched)
    await erasing.erase(bus, "t", "s1")
    assert most == 1
    assert len(await transcripts.sequences(bus, subjects.TRANSCRIPTS, subjects.transcript("t", "s1"))) == 1, "the mark"
