"""A proxy that breaks every connection at the very moment when the browser's next message is on its way."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from frontend.transport import endpoint

POLL = f"POST {endpoint.PATH}".encode()
CHUNK_BYTES = 65_536


class CuttingProxy:
    """Passes everything on until it is told to cut.

    Attributes
    ----------
    cut_at
        ``request``: the next message of the browser is lost. ``answer``: it arrives, and only its answer is lost.
    cuts
        How often the connections were broken.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._writers: set[asyncio.StreamWriter] = set()
        self.cut_at = ""
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        above = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        self._writers |= {writer, above[1]}
        answered = asyncio.Event()  # set once an answer is the one to lose
        await asyncio.gather(
            self._pass_up(reader, above[1], answered),
            self._pass_down(above[0], writer, answered),
            return_exceptions=True,
        )
        self._writers -= {writer, above[1]}
        writer.close()
        above[1].close()

    async def _pass_up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: asyncio.Event
    ) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            if self.cut_at and chunk.startswith(POLL):
                at, self.cut_at = self.cut_at, ""
                if at == "request":
                    self._cut()
                    return
                answered.set()
            writer.write(chunk)
            await writer.drain()
        writer.close()

    async def _pass_down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: asyncio.Event
    ) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            if answered.is_set():
                self._cut()
                return
            writer.write(chunk)
            await writer.drain()
        writer.close()

    def end(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _cut(self) -> None:
        self.cuts += 1
        self.end()


@contextmanager
def cutting(upstream: str) -> Iterator[tuple[str, CuttingProxy]]:
    """Give the proxy's address, and the proxy."""
    proxy = CuttingProxy(upstream)
    loop = asyncio.new_event_loop()
    # In a thread of its own: Playwright holds the main one with its loop.
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(proxy.serve, "127.0.0.1", 0)

    async def stop() -> None:
        server.close()
        proxy.end()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", proxy
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
