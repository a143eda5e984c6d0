"""A link of one process to the NATS servers, with hands on the cable.

Each server has a port of its own here, so that the process sees as many servers as there are. `cut` is a cable that is
pulled: sockets stay open and nothing comes through, either way, and what was under way is lost with the connections
when the cable is back. `delay_s` holds everything back for so long, in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Sequence

BLOCK = 65_536


class Link:
    """Made by `linked`. `urls` is what the process is told instead of the servers' addresses."""

    def __init__(self) -> None:
        self.urls = ""
        self.delay_s = 0.0
        self._whole = asyncio.Event()
        self._whole.set()
        self._sockets: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        """What stood open while the cable was out is reset."""
        for each in self._sockets:
            each.transport.abort()
        self._whole.set()

    async def serve(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sockets.add(writer)
        try:
            await self._whole.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            self._sockets.add(far_writer)
            try:
                up = asyncio.create_task(self._carry(reader, far_writer))
                down = asyncio.create_task(self._carry(far_reader, writer))
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
                for task in (up, down):
                    task.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
            finally:
                self._sockets.discard(far_writer)
                far_writer.transport.abort()
        except OSError:
            return  # no server there: the process sees its connection closed
        finally:
            self._sockets.discard(writer)
            writer.transport.abort()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(BLOCK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._whole.wait()
                sink.write(data)
                await sink.drain()


@contextlib.asynccontextmanager
async def linked(ports: Sequence[int]) -> AsyncIterator[Link]:
    """A link to the servers on these ports of this machine."""
    link = Link()
    async with contextlib.AsyncExitStack() as stack:
        urls = []
        for port in ports:
            server = await asyncio.start_server(functools.partial(link.serve, port), "127.0.0.1", 0)
            stack.callback(server.close)
            urls.append(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        link.urls = ",".join(urls)
        try:
            yield link
        finally:
            link.mend()
