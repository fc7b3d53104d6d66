"""The avatar process: reads orders, writes reports and runs one session."""

import asyncio
import logging
import signal
import sys

from simulator.avatar.job import BadOrder, Job, LiteJob, Order, Stop, parse_order
from simulator.avatar.joining import JoinFailed
from simulator.avatar.lite_session import LiteSession
from simulator.avatar.reports import Reports
from simulator.avatar.session import AvatarSession
from simulator.avatar.stage import RoomLost

logger = logging.getLogger(__name__)

# Bytes of one line. It may hold a context's prompt and questions, or a frame of the media websocket: 1 MiB, in which
# each byte may take six as JSON.
LONGEST_ORDER = 8 << 20
PARTING = 0.8  # seconds to leave the room; the parent waits for one second
ENDED_IN_ORDER, FAILED, TERMINATED = 0, 1, 128 + signal.SIGTERM


class Orders:
    """Reads the parent's orders. The end of the input and SIGTERM read as a stop without a reason."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.ReadTransport) -> None:
        self.terminated = False
        self._reader = reader
        self._transport = transport

    @classmethod
    async def open(cls) -> "Orders":
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(LONGEST_ORDER)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        orders = cls(reader, transport)
        loop.add_signal_handler(signal.SIGTERM, orders._terminate)
        return orders

    async def next(self) -> Job | LiteJob | Stop | Order:
        """Return the next order. Raises `BadOrder`."""
        line = await self._reader.readline()
        return parse_order(line) if line else Stop(None)

    def _terminate(self) -> None:
        self.terminated = True
        self._transport.close()  # ends the reader


async def run() -> int:
    """Run one session; return the exit code. Call when all heavy modules are imported: the report says "warm"."""
    reports = Reports()
    orders = await Orders.open()
    reports.send("warm")
    why = None
    try:
        job = await orders.next()
        match job:
            case Job():
                await _serve(AvatarSession(job, reports), orders)
            case LiteJob():
                await _serve(LiteSession(job, reports), orders)
    except* (BadOrder, JoinFailed, RoomLost) as failures:
        why = str(_first(failures))
    if why is not None:
        logger.error("%s", why)
        reports.send("failed", why=why)
        return FAILED
    return TERMINATED if orders.terminated else ENDED_IN_ORDER


def _first(failure: BaseException) -> BaseException:
    """Return the failure inside the groups that nested tasks wrap around it."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


async def _serve(session: AvatarSession | LiteSession, orders: Orders) -> None:
    living = asyncio.create_task(session.run(), name="session")
    following = asyncio.create_task(_follow(orders, session), name="orders")
    try:
        await asyncio.wait({living, following}, return_when=asyncio.FIRST_COMPLETED)
        if living.done():
            living.result()
        await _part(session, following.result())
    finally:
        living.cancel()
        following.cancel()
        try:
            async with asyncio.timeout(PARTING):
                await asyncio.wait({living, following})
                await session.leave()
        except TimeoutError:
            logger.warning("left the room without an answer of the server, after %g s", PARTING)


async def _follow(orders: Orders, session: AvatarSession | LiteSession) -> Stop:
    """Pass the parent's orders on until it sends a stop. Raises `BadOrder`."""
    while True:
        order = await orders.next()
        if isinstance(order, Stop):
            return order
        if isinstance(order, Job | LiteJob):
            raise BadOrder("second start order")
        session.take(order)


async def _part(session: AvatarSession | LiteSession, order: Stop) -> None:
    if order.reason and session.ready:
        try:
            async with asyncio.timeout(PARTING):
                await session.announce_end(order.reason)
        except TimeoutError:
            logger.warning("the end may not have been announced")
