"""Begin and end with the server: look after abandoned sessions, and leave none open behind a shutdown.

Daphne knows no lifespan protocol, so its reactor is asked; other servers (uvicorn, hypercorn) speak lifespan.
"""

import asyncio
import sys
from typing import Any

from sessions_app.lifecycle.presence import presence

SHUTDOWN_WITHIN = 10  # seconds


def follow_daphne() -> None:
    """Tie our life to Twisted's reactor, if that is what runs this process."""
    if "twisted.internet.reactor" not in sys.modules:
        return
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred

    def stop() -> Any:
        return Deferred.fromFuture(asyncio.ensure_future(_stop()))

    # Not callWhenRunning: that is called before the event loop runs.
    reactor.callLater(0, presence.start)  # type: ignore[arg-type]
    reactor.addSystemEventTrigger("before", "shutdown", stop)  # type: ignore[arg-type]


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI lifespan protocol."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            presence.start()
            await send({"type": "lifespan.startup.complete"})
        else:
            await _stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _stop() -> None:
    async with asyncio.timeout(SHUTDOWN_WITHIN):
        await presence.stop()
