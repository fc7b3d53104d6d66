"""Which conversations this process has pages of: it keeps them alive, and stops those whose page does not come back.

Several processes may serve one site. `page_seen_at` on the row tells each of them whether the page is with another.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from liveavatar import LiveAvatarError
from sessions_app.background import in_background
from sessions_app.clients import avatar_service, close_avatar_service
from sessions_app.custom.lease import lapsed, sweep
from sessions_app.custom.own_rooms import LiveKitUnavailable, close_livekit, livekit
from sessions_app.end_reasons import EndReason
from sessions_app.lifecycle.starting import end_session, keep_agent, release
from sessions_app.models import AvatarSession

logger = logging.getLogger(__name__)

REAP_INTERVAL = 60  # seconds
LEASE_INTERVAL = 1  # second
# A page writes that it is there with every keep-alive; after three missed ones nobody is.
MISSED_KEEP_ALIVES = 3


class Presence:
    """The open pages of one process, by session. All methods belong to the server's event loop."""

    def __init__(self) -> None:
        self._pages: dict[int, int] = {}
        self._keepers: dict[int, asyncio.Task[None]] = {}
        self._waiting: dict[int, asyncio.Task[None]] = {}
        self._daemons: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Look after abandoned sessions and lost agents from now on, also those a dead process left behind."""
        self._daemons = [in_background(_for_ever(reap, REAP_INTERVAL), "reaper")]
        if settings.CUSTOM_AVAILABLE:
            watch = _for_ever(replace_lost_agents, LEASE_INTERVAL)
            self._daemons.append(in_background(watch, "lease watch"))

    async def stop(self) -> None:
        """The server shuts down: end what its pages have open, so that nothing is billed on."""
        concerned = {*self._pages, *self._waiting}
        await self.close()
        async for session in AvatarSession.objects.open().filter(pk__in=concerned):
            await end_session(session, EndReason.SITE_STOPPED, service=avatar_service())
        await close_avatar_service()
        await close_livekit()

    async def close(self) -> None:
        """Forget all pages and cancel what was planned for them."""
        tasks = [*self._keepers.values(), *self._waiting.values(), *self._daemons]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pages.clear()

    async def arrived(self, session: AvatarSession) -> None:
        """A page of the session is connected."""
        waiting = self._waiting.pop(session.pk, None)
        if waiting is not None:
            waiting.cancel()
        self._pages[session.pk] = self._pages.get(session.pk, 0) + 1
        await _seen(session.pk)
        if session.pk not in self._keepers:
            self._start(self._keepers, session.pk, self._keep_alive(session.pk))

    def left(self, session_id: int) -> None:
        """A page of the session is gone; when it was the last one, the session ends after the grace."""
        pages = self._pages.get(session_id, 0) - 1
        if pages > 0:
            self._pages[session_id] = pages
            return
        self._pages.pop(session_id, None)
        keeper = self._keepers.pop(session_id, None)
        if keeper is not None:
            keeper.cancel()
        self.expect(session_id)

    def expect(self, session_id: int) -> None:
        """A page should connect within the grace, counted from now: one that was just opened, or one that reloads."""
        if session_id in self._pages:
            return
        if waiting := self._waiting.pop(session_id, None):
            waiting.cancel()
        self._start(self._waiting, session_id, self._end_if_alone(session_id))

    def _start(
        self, tasks: dict[int, asyncio.Task[None]], session_id: int, work: Coroutine[Any, Any, None]
    ) -> None:
        task = in_background(work, f"page of session {session_id}")
        tasks[session_id] = task
        task.add_done_callback(
            lambda done: tasks.pop(session_id, None) if tasks.get(session_id) is done else None
        )

    async def _keep_alive(self, session_id: int) -> None:
        while True:
            await asyncio.sleep(settings.KEEP_ALIVE_INTERVAL)
            session = await AvatarSession.objects.open().filter(pk=session_id).afirst()
            if session is None:
                return
            await _seen(session_id)
            if session.started_at is None:
                continue
            try:
                await avatar_service().keep_alive(session.remote_id)
            except LiveAvatarError as error:
                logger.warning("keep-alive of session %s failed: %s", session.key, error)

    async def _end_if_alone(self, session_id: int) -> None:
        since = timezone.now()
        await asyncio.sleep(settings.PAGE_GRACE)
        alone = AvatarSession.objects.open().filter(pk=session_id, page_seen_at__lte=since)
        session = await alone.afirst()
        if session is not None:
            await end_session(session, EndReason.PAGE_CLOSED, service=avatar_service())


async def _for_ever(work: Callable[[], Awaitable[int]], interval: float) -> None:
    while True:
        try:
            await work()
        except Exception:  # a daemon: one bad round (database away) must not be the last
            logger.exception("a round of %s failed", work.__name__)
        await asyncio.sleep(interval)


async def replace_lost_agents() -> int:
    """Give conversations whose agent fell silent another one. Returns how many there were."""
    leases = await lapsed()
    for lease in leases:
        await keep_agent(lease, service=avatar_service())
    return len(leases)


async def reap() -> int:
    """End the open sessions no page was seen on for long, stop at the service what could not be stopped before, and
    remove rooms that came back.

    Returns how many sessions were dealt with.
    """
    service = avatar_service()
    patience = settings.KEEP_ALIVE_INTERVAL * MISSED_KEEP_ALIVES + settings.PAGE_GRACE
    silent_since = timezone.now() - timedelta(seconds=patience)
    count = 0
    async for session in AvatarSession.objects.unattended_since(silent_since):
        count += await end_session(session, EndReason.ZOMBIE_SESSION_REAP, service=service)
    async for session in AvatarSession.objects.unreleased():
        count += await release(session, service=service)
    if settings.CUSTOM_AVAILABLE:
        count += await _sweep_rooms()
    return count


async def _sweep_rooms() -> int:
    try:
        return await sweep(livekit())
    except LiveKitUnavailable as error:
        logger.warning("whether rooms are left over cannot be said: %s", error)
        return 0


async def _seen(session_id: int) -> None:
    await AvatarSession.objects.filter(pk=session_id).aupdate(page_seen_at=timezone.now())


presence = Presence()
