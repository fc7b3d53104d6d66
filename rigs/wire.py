"""A TCP connection that a test can cut, as a lost network does."""

import asyncio
import contextlib


class Wire:
    """A relay in front of a local server. Cutting it leaves media alone, which uses UDP."""

    def __init__(self, port: int) -> None:
        self.refusing = False  # new connections
        self.url = ""  # to connect to instead of the server; known once the relay is open
        self._server_port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    async def open(self) -> None:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Reset every connection. New ones are accepted, unless `refusing`."""
        for writer in self._writers:
            writer.transport.abort()

    async def close(self) -> None:
        assert self._listener is not None
        self._listener.close()
        self.cut()
        await self._listener.wait_closed()
        if self._carrying:
            await asyncio.wait(self._carrying)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._writers |= {writer, server_writer}
        await asyncio.gather(
            _pump(reader, server_writer), _pump(server_reader, writer), return_exceptions=True
        )
        self._writers -= {writer, server_writer}
        for end in (writer, server_writer):
            end.close()
            with contextlib.suppress(ConnectionError):
                await end.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(1 << 16):
        writer.write(chunk)
        await writer.drain()
    writer.close()
