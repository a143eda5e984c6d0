"""Take the picture for the README: `python -m tests.page.screenshot [--url http://… --recording speech.wav] FILE`.

With a Dragoman at `--url` and a recording as the microphone it is a real conversation; without, one from a script.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from tests.page import browser, scripted_server
from tests.page.browser import Browser, Page
from tests.page.scripted_server import ScriptedServer

SIZE = (1200, 760)
PATIENCE_S = 90
SPOKEN = "document.querySelectorAll('.caption .sentence').length >= {count} && document.querySelector('.speaking .now')"

SAID = (
    ("Bonjour à tous.", "Hello everyone."),
    (
        "Aujourd'hui, nous allons parler de traduction automatique.",
        "Today we are going to talk about machine translation.",
    ),
    (
        "Voici un modèle qui vous permet de traduire votre voix en direct. Il garde un débit naturel.",
        "Here is a model that lets you translate your voice live. It keeps a natural flow.",
    ),
)


async def scripted(page: Page, server: ScriptedServer) -> None:
    await page.goto(server.url)
    await page.click("#start")
    client = await server.session()
    for utterance, (text, translation) in enumerate(SAID, 1):
        await client.transcribe(utterance, text, start=utterance * 3)
        await client.translate(utterance, translation)
    await client.speak(len(SAID), scripted_server.tone(8))
    await client.tell(
        "transcript.partial", utterance=len(SAID) + 1, committed="Afin que vous puissiez", tentative="interagir"
    )
    await page.until(SPOKEN.format(count=4))


async def real(page: Page, url: str) -> None:
    await page.goto(url)
    await page.choose("#target", "en")
    await page.click("#start")
    await page.until(SPOKEN.format(count=4), PATIENCE_S)


async def picture(url: str, recording: Path | None) -> bytes:
    with browser.launched(recording) as address:
        async with scripted_server.running() as server, Browser.opened(address) as opened, opened.page(*SIZE) as page:
            await (real(page, url) if url else scripted(page, server))
            return await page.screenshot()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="", help="of a running Dragoman")
    parser.add_argument("--recording", type=Path, help="WAV file that is said into the microphone")
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    shot = asyncio.run(picture(arguments.url, arguments.recording))
    arguments.file.parent.mkdir(parents=True, exist_ok=True)
    arguments.file.write_bytes(shot)
    print(f"{arguments.file}: {len(shot) // 1024} KB")


if __name__ == "__main__":
    main()
