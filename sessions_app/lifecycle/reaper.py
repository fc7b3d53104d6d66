"""Rounds over the rows: ends abandoned sessions, repeats releases that failed, and replaces lost agents."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from channels.db import aclose_old_connections
from django.conf import settings
from django.utils import timezone

from sessions_app.background import in_background
from sessions_app.custom.lease import lapsed_leases
from sessions_app.custom.livekit_server import LiveKitUnavailable
from sessions_app.custom.own_rooms import sweep_rooms
from sessions_app.end_reasons import EndReason
from sessions_app.lifecycle.ending import end_session, release_session
from sessions_app.lifecycle.reported import replace_or_end
from sessions_app.models import AvatarSession

logger = logging.getLogger(__name__)

REAP_INTERVAL = 60  # seconds
LEASE_INTERVAL = 1  # second
# The process with the page marks the row several times within a grace. After three keep-alives and a grace without a
# mark no process has the page.
MISSED_KEEP_ALIVES = 3


class Reaper:
    """The rounds of one process. Also covers sessions that a dead process left behind."""

    def __init__(self) -> None:
        self._rounds: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin the rounds, in the server's event loop."""
        self._rounds = [in_background(_repeat(reap, REAP_INTERVAL), "reaper")]
        if settings.CUSTOM_AVAILABLE:
            watch = _repeat(replace_lost_agents, LEASE_INTERVAL)
            self._rounds.append(in_background(watch, "lease watch"))

    async def stop(self) -> None:
        """Cancel the rounds and wait until they are gone."""
        for task in self._rounds:
            task.cancel()
        await asyncio.gather(*self._rounds, return_exceptions=True)


async def reap() -> int:
    """Run one round and return the number of sessions and rooms it dealt with.

    Ends open sessions whose page no process has seen for long, releases sessions whose release failed, and deletes
    rooms that a late participant created again.
    """
    missed = settings.KEEP_ALIVE_INTERVAL * MISSED_KEEP_ALIVES + settings.PAGE_GRACE
    silent_since = timezone.now() - timedelta(seconds=missed)
    count = 0
    async for session in AvatarSession.objects.unattended_since(silent_since):
        count += await end_session(session, EndReason.ZOMBIE_SESSION_REAP)
    async for session in AvatarSession.objects.unreleased():
        count += await release_session(session)
    if settings.CUSTOM_AVAILABLE:
        count += await _sweep_rooms()
    return count


async def replace_lost_agents() -> int:
    """Replace the agents of conversations whose lease lapsed, and return how many lapsed."""
    leases = await lapsed_leases()
    for lease in leases:
        await replace_or_end(lease)
    return len(leases)


async def _sweep_rooms() -> int:
    try:
        return await sweep_rooms()
    except LiveKitUnavailable as error:
        logger.warning("rooms left over were not looked for: %s", error)
        return 0


async def _repeat(work: Callable[[], Awaitable[int]], interval: float) -> None:
    while True:
        try:
            await aclose_old_connections()  # the database may have cut ours
            await work()
        except Exception:  # one bad round, as with the database away, must not be the last
            logger.exception("a round of %s failed", work.__name__)
        await asyncio.sleep(interval)


reaper = Reaper()
