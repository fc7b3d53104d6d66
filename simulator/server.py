"""The simulator put together: REST API and rooms on one port, avatars in processes of their own."""

import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from simulator.credits import Credits
from simulator.event_log import EventLog
from simulator.rest import Account, add_routes, edge
from simulator.room import RoomServer
from simulator.rooms import Rooms
from simulator.seed import seeded_world
from simulator.sessions import Sessions
from simulator.settings import Settings
from simulator.tokens import SessionTokens
from simulator.worker import AVATAR_COMMAND
from simulator.workers import Workers
from simulator.world import World

logger = logging.getLogger(__name__)

# How long a request under way may go on once everything it could be about has ended.
LAST_RESPONSES_S = 1.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where clients find a simulator that is serving."""

    api_url: str
    livekit_url: str
    livekit_api_key: str
    livekit_api_secret: str = field(repr=False)


@asynccontextmanager
async def serving(
    settings: Settings,
    listener: socket.socket,
    *,
    world: World | None = None,
    worker_command: Sequence[str] = AVATAR_COMMAND,
) -> AsyncIterator[Addresses]:
    """Serve on `listener` while the context is open; afterwards no session, room or process is left."""
    host, port = listener.getsockname()[:2]
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    rooms = Rooms(f"ws://{where}", settings.room_key, settings.room_secret)
    room_server = RoomServer(settings.room_key, settings.room_secret, host)
    world = world or seeded_world()
    credits = Credits(settings.credits)
    workers = Workers(worker_command)
    log = EventLog()
    sessions = Sessions(settings, world, rooms, workers, credits, log)
    app = web.Application(middlewares=[edge])
    add_routes(app, Account(world, sessions, credits, SessionTokens(), settings.api_key))
    room_server.add_routes(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=LAST_RESPONSES_S)
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        workers.start()
        yield Addresses(f"http://{where}", f"ws://{where}", settings.room_key, settings.room_secret)
    finally:
        # Avatars say goodbye through the rooms, so the rooms go last.
        await sessions.close()
        await workers.close()
        await rooms.close()
        await room_server.close()
        await runner.cleanup()
