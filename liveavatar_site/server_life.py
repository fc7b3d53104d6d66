"""Starts the reaper with the server, and ends this process's sessions with it.

Daphne has no lifespan protocol, so Twisted's reactor calls us. Other servers (uvicorn, hypercorn) send lifespan events.
"""

import asyncio
import sys
from typing import Any

from sessions_app.clients import liveavatar
from sessions_app.custom.livekit_server import livekit_server
from sessions_app.lifecycle.presence import presence
from sessions_app.lifecycle.reaper import reaper

SHUTDOWN_WITHIN = 10  # seconds


def follow_daphne() -> None:
    """Start and stop with Twisted's reactor, if it runs this process."""
    if "twisted.internet.reactor" not in sys.modules:
        return
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred

    def stop() -> Any:
        return Deferred.fromFuture(asyncio.ensure_future(_stop()))

    # Not callWhenRunning, which calls before the event loop runs.
    reactor.callLater(0, reaper.start)  # type: ignore[arg-type]
    reactor.addSystemEventTrigger("before", "shutdown", stop)  # type: ignore[arg-type]


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Start and stop by the ASGI lifespan protocol."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            reaper.start()
            await send({"type": "lifespan.startup.complete"})
        else:
            await _stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _stop() -> None:
    async with asyncio.timeout(SHUTDOWN_WITHIN):
        await reaper.stop()
        await presence.stop()
        await liveavatar.aclose()
        await livekit_server.aclose()
