from __future__ import annotations

from tests.ingress.client import connected
from tests.ingress.stand_in import Actor

SECOND = bytes(32_000)


async def test_a_session_from_start_to_close(url: str, actor: Actor) -> None:
    async with connected(url) as client:
        started = await client.start(source="fr", targets=["en"])
        assert started["next_chunk"] == 0
        await client.audio(SECOND)
        await client.until("audio.ack", chunk=9)
        await client.say("utterance.finalize")
        assert (await client.until("transcript.final"))["text"] == "32000 bytes"
        await client.say("session.close")
        assert await client.closed() == 1000
    session, heard = actor.only()
    assert session == started["session"]
    assert bytes(heard.pcm) == SECOND
    assert len(heard.speech) == 16000 // 512
    assert client.numbered() == [1, 2, 3]
