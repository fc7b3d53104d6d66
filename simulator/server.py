"""Compose the simulator: REST API, rooms, media websockets and console on one port, one process per avatar."""

import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing

from aiohttp import web

from simulator.addresses import Addresses
from simulator.console import Console, add_console
from simulator.credits import Credits
from simulator.event_log import EventLog
from simulator.history import History
from simulator.media_socket import MediaSockets
from simulator.memories import Memories
from simulator.request_faults import failing_requests
from simulator.request_log import logging_requests
from simulator.rest import Account, add_routes, edge
from simulator.room import RoomServer
from simulator.rooms import Rooms, RoomsUnavailable
from simulator.seed import seeded_world
from simulator.session_faults import SessionFaults
from simulator.sessions import Sessions
from simulator.settings import InvalidSetting, LiveKit, Settings
from simulator.store import Store
from simulator.switches import Switches
from simulator.tokens import SessionTokens, signing_key
from simulator.vault import vault_for
from simulator.voice_previews import VoicePreviews
from simulator.worker import AVATAR_COMMAND
from simulator.workers import Workers
from simulator.world import World

logger = logging.getLogger(__name__)

# Time for open requests to finish after all sessions and rooms have ended.
LAST_RESPONSES_S = 1.0


@asynccontextmanager
async def serving(
    settings: Settings,
    listener: socket.socket,
    *,
    world: World | None = None,
    worker_command: Sequence[str] = AVATAR_COMMAND,
) -> AsyncIterator[Addresses]:
    """Serve on `listener` while the context is open. On exit, end every session, room and process.

    Raises StoreUnusable when the account's data cannot be read, InvalidSetting when `settings.livekit` cannot be used.
    """
    host, port = listener.getsockname()[:2]
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with closing(Store(settings.data)) as store:
        vault = vault_for(settings.data, settings.secret_key)
        tokens = SessionTokens(signing_key(store, vault))
        world = world or seeded_world()
        world.keep_in(store)
        credits = Credits(store, settings.credits)
        history = History(store, vault)
        history.reap()
        livekit = settings.livekit or LiveKit(f"ws://{where}", settings.room_key, settings.room_secret)
        room_server = None if settings.livekit else RoomServer(livekit.key, livekit.secret, host)
        rooms = Rooms(livekit.url, livekit.key, livekit.secret)
        sockets = MediaSockets(f"ws://{where}")
        workers = Workers(worker_command)
        log = EventLog()
        switches = Switches(log, embedded_rooms=room_server is not None)
        faults = SessionFaults(switches, rooms, room_server.lose if room_server else None)
        sessions = Sessions(settings, world, rooms, sockets, workers, credits, log, history, vault, faults)
        memories = Memories(world, sessions)
        sessions.when_over(memories.add)
        account = Account(
            world,
            sessions,
            memories,
            history,
            credits,
            tokens,
            vault,
            VoicePreviews(),
            settings.api_key,
            settings.strict_modes,
        )
        app = web.Application(middlewares=[logging_requests(log, tokens), edge, failing_requests(switches)])
        add_routes(app, account, settings.rate_limit)
        if room_server is not None:
            room_server.add_routes(app)
        sockets.add_routes(app)
        addresses = Addresses(f"http://{where}", livekit.url, livekit.key, livekit.secret)
        add_console(app, Console(addresses, settings, world, sessions, rooms, credits, switches, log))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=LAST_RESPONSES_S)
        try:
            if room_server is None:
                await _check(rooms)
            await runner.setup()
            await web.SockSite(runner, listener).start()
            workers.start()
            yield addresses
        finally:
            log.close()
            # Avatars announce their end in the rooms, so the rooms close last.
            await sessions.close()
            await workers.close()
            await rooms.close()
            if room_server is not None:
                await room_server.close()
            await runner.cleanup()


async def _check(rooms: Rooms) -> None:
    try:
        await rooms.check()
    except RoomsUnavailable as error:
        raise InvalidSetting(
            f"cannot use the LiveKit server of SIMULATOR_LIVEKIT_URL, {rooms.url}: {error}"
        ) from error
