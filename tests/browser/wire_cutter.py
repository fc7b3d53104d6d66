"""A TCP line that can be cut: what a lost network looks like to a browser."""

import asyncio
from typing import Self
from urllib.parse import urlsplit


class WireCutter:
    """Forwards a free local port to `target`. Use as an async context manager; `url` is where to connect."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self._lines: set[asyncio.Task[None]] = set()
        self._joined = True

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *reason: object) -> None:
        self._server.close()
        await self.cut()

    async def cut(self) -> None:
        """Break every connection, and take no new ones until it is mended."""
        self._joined = False
        lines = list(self._lines)
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    def mend(self) -> None:
        self._joined = True

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._joined:
            writer.transport.abort()
            return
        line = asyncio.current_task()
        assert line is not None
        self._lines.add(line)
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, there_writer))
                group.create_task(_pump(there_reader, writer))
        except (ExceptionGroup, asyncio.CancelledError):
            pass  # either end went away, or the line was cut
        finally:
            writer.transport.abort()
            there_writer.transport.abort()
            self._lines.discard(line)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
