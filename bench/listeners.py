"""What listeners in a room cost their ingress: `python -m bench.listeners`.

One speaker, who is elsewhere, says sentences that are translated into English and spoken; listeners at one ingress read
and hear them. What the speaker says is written into EVENTS as a scheduler and a node would. Told are the ingress's CPU
for each sentence, in all and by listener, how long the last of them waits for the last word, and memory.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import aiohttp

from bench import stack
from bench.rows import percentile, shown
from wire import subjects
from wire.bus import Bus
from wire.jobs import SpeechChunk
from wire.kv import Bucket
from wire.protocol import ClientEvent, SpeechBegan, SpeechFinished, TranscriptFinal, TranslationFinal
from wire.rooms import Member, PartyRecord
from wire.topology import PARTY_RENEW_S

PROGRAMS = {"ingress": "ingress", "node": "node_runtime"}
SETTINGS = stack.SCRIPTED | {"max_room_members": "5000"}
SPEAKER = "s0123456789abcdef"
RATE, SPEECH_S, CHUNK_S = 22_050, 2.0, 0.5
EVERY_S = 0.5
PATIENCE_S, LOOK_S = 60.0, 0.005
ENDED = '"type":"speech.ended"'


class Speaker:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._n = 0

    async def say(self, utterance: int) -> None:
        text = "Nobody on the shore had expected it before the evening."
        await self._tell(TranscriptFinal(n=1, utterance=utterance, text=text, language="fr", start=0, end=1))
        await self._tell(TranslationFinal(n=1, utterance=utterance, target="en", text=text))
        await self._tell(SpeechBegan(n=1, utterance=utterance, target="en", sample_rate=RATE))
        chunks = round(SPEECH_S / CHUNK_S)
        for sequence in range(chunks):
            piece = SpeechChunk(
                job="j", attempt=1, sequence=sequence, sample_rate=RATE, pcm=bytes(2 * round(CHUNK_S * RATE))
            )
            await self._bus.store(subjects.speech(SPEAKER, utterance, "en"), piece, id=f"{utterance}.{sequence}")
        await self._tell(SpeechFinished(n=1, utterance=utterance, target="en", seconds=SPEECH_S, chunks=chunks))

    async def _tell(self, event: ClientEvent) -> None:
        self._n += 1
        numbered = type(event)(**{name: getattr(event, name) for name in event.__struct_fields__} | {"n": self._n})
        await self._bus.store(subjects.event(SPEAKER), numbered, id=subjects.event_message_id(SPEAKER, self._n))

    async def attend(self, room: str) -> None:
        """Be in the room, for ever."""
        parties = Bucket(self._bus, subjects.PARTIES_KV, PartyRecord)
        me = Member(member="m0", name="Anna", language="fr", session=SPEAKER, source="fr", targets=["en"])
        while True:
            await parties.put(subjects.party_key(room, "elsewhere"), PartyRecord(members=[me]))
            await asyncio.sleep(PARTY_RENEW_S)


class Audience:
    """`ends`: how many sentences were heard to their end, by all; `last`: when the last of them was."""

    def __init__(self) -> None:
        self.ends = 0
        self.last = 0.0

    async def listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT and ENDED in message.data:
                self.ends += 1
                self.last = time.monotonic()


async def measure(listeners: int, sentences: int) -> str:
    """A row of the table."""
    async with AsyncExitStack() as exits:
        running = await exits.enter_async_context(stack.running(PROGRAMS, SETTINGS))
        http = await exits.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        bus = await exits.enter_async_context(Bus.connect(running.nats_url, "speaker"))
        async with http.post(f"{running.address}/v1/rooms") as answer:
            room = (await answer.json())["room"]
        speaker, audience = Speaker(bus), Audience()
        ingress = running.process("ingress")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(speaker.attend(room))]
            before = ingress.memory_info().rss
            for number in range(listeners):
                socket = await exits.enter_async_context(
                    http.ws_connect(f"{running.address}/v1/stream", max_msg_size=0)
                )
                seat = {"code": room, "name": f"L{number}", "language": "en"}
                await socket.send_json({"type": "room.join", "room": seat})
                await socket.receive()
                tasks.append(group.create_task(audience.listen(socket)))
            numbers = itertools.count(1)
            await speaker.say(next(numbers))  # the reading has begun
            await _until(partial(_have, audience, listeners))
            grown = ingress.memory_info().rss - before
            waits, cpu = [], running.cpu_seconds()["ingress"]
            for spoken in range(2, sentences + 2):
                await speaker.say(next(numbers))
                since = time.monotonic()
                await _until(partial(_have, audience, spoken * listeners))
                waits.append(max(0.0, audience.last - since))
                await asyncio.sleep(max(0.0, EVERY_S - waits[-1]))
            spent = (running.cpu_seconds()["ingress"] - cpu) / sentences
            for task in tasks:
                task.cancel()
    cells = [f"{listeners:,}", f"{1000 * spent:.1f} ms", f"{1e6 * spent / listeners:,.0f} µs"]
    cells += [f"{shown(1000 * percentile(waits, 0.5))} ms", f"{shown(1000 * max(waits))} ms"]
    return f"| {' | '.join([*cells, f'{grown / listeners / 1000:.0f} KB'])} |"


def _have(audience: Audience, ends: int) -> bool:
    return audience.ends == ends


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - many sockets fulfil it together
            await asyncio.sleep(LOOK_S)


async def main(counts: list[int], sentences: int) -> None:
    print("| listeners | CPU for a sentence | for each listener | the last waits, p50 | at most | memory of each |")
    print("| --- | --- | --- | --- | --- | --- |")
    for listeners in counts:
        print(await measure(listeners, sentences), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--listeners", type=lambda text: [int(each) for each in text.split(",")], default=[1, 10, 100, 1000]
    )
    parser.add_argument("--sentences", type=int, default=20)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.listeners, arguments.sentences))
