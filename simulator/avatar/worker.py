"""The worker process: orders in, reports out, one avatar session in between."""

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

# Bytes. A context's prompt and questions come in one line, and so does a frame of the media websocket: 1 MiB,
# each byte of which may take six as JSON.
LONGEST_ORDER = 8 << 20
PARTING = 0.8  # seconds to leave the room; whoever waits for this process waits for one
ENDED_IN_ORDER, FAILED, TERMINATED = 0, 1, 128 + signal.SIGTERM


class Orders:
    """The parent's lines. The end of the input, or SIGTERM, reads as a stop without a reason."""

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
        """Raises `BadOrder`."""
        line = await self._reader.readline()
        return parse_order(line) if line else Stop(None)

    def _terminate(self) -> None:
        self.terminated = True
        self._transport.close()  # ends the reader


async def run() -> int:
    """Serve one session; returns the exit code. Everything heavy is imported by now."""
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
    """The failure itself, out of the groups that tasks within tasks wrap it in."""
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
            logger.warning("left the room the hard way: it did not answer within %g s", PARTING)


async def _follow(orders: Orders, session: AvatarSession | LiteSession) -> Stop:
    """Pass the parent's orders on until it says stop. Raises `BadOrder`."""
    while True:
        order = await orders.next()
        if isinstance(order, Stop):
            return order
        if isinstance(order, Job | LiteJob):
            raise BadOrder("a second start")
        session.take(order)


async def _part(session: AvatarSession | LiteSession, order: Stop) -> None:
    if order.reason and session.ready:
        try:
            async with asyncio.timeout(PARTING):
                await session.announce_end(order.reason)
        except TimeoutError:
            logger.warning("the end may not have been announced")
