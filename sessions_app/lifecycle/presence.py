"""The open pages of this process: it keeps their sessions alive, and ends those whose page does not come back.

Several processes may serve one site. The process that has the page writes `page_seen_at` several times within a grace,
so that another process, which waits for the page to come back, sees that it did.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from channels.db import aclose_old_connections
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from liveavatar import LiveAvatarError
from sessions_app.background import in_background
from sessions_app.clients import liveavatar
from sessions_app.end_reasons import EndReason
from sessions_app.events.bell import announce_change
from sessions_app.lifecycle.ending import end_session
from sessions_app.models import AvatarSession

logger = logging.getLogger(__name__)

FIRST_RETRY = 0.1  # seconds, after a round that failed; doubled each time
SEEN_PER_GRACE = 3  # writes of page_seen_at; some may be late on a busy machine


class Presence:
    """The open pages of one process, by session. All methods belong to the server's event loop."""

    def __init__(self) -> None:
        self._pages: dict[int, int] = {}
        self._keepers: dict[int, asyncio.Task[None]] = {}
        self._waiting: dict[int, asyncio.Task[None]] = {}

    async def stop(self) -> None:
        """End the sessions of this process's pages, so that a shutdown leaves nothing billed."""
        concerned = {*self._pages, *self._waiting}
        await self.close()
        async for session in AvatarSession.objects.open().filter(pk__in=concerned):
            await end_session(session, EndReason.SITE_STOPPED)

    async def close(self) -> None:
        """Forget all pages and cancel what was planned for them."""
        tasks = [*self._keepers.values(), *self._waiting.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pages.clear()

    async def arrived(self, session: AvatarSession) -> None:
        """Count a page of the session that connected, and keep the session alive from now on."""
        waiting = self._waiting.pop(session.pk, None)
        if waiting is not None:
            waiting.cancel()
        self._pages[session.pk] = self._pages.get(session.pk, 0) + 1
        await _mark_seen(session.pk)
        if session.pk not in self._keepers:
            self._start(self._keepers, session.pk, self._keep(session.pk))

    def left(self, session_id: int) -> None:
        """Count a page that went away. After the last one the session ends when the grace is over."""
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
        """Give a page the grace, from now, to connect: it was just opened, or it reloads."""
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

    async def _keep(self, session_id: int) -> None:
        """Show the vendor and the other processes that the page is here, until the session is over."""
        await asyncio.gather(
            _while_open(_keep_alive, session_id, settings.KEEP_ALIVE_INTERVAL),
            _show_page(session_id, settings.PAGE_GRACE / SEEN_PER_GRACE),
        )

    async def _end_if_alone(self, session_id: int) -> None:
        since = timezone.now()
        await asyncio.sleep(settings.PAGE_GRACE)
        await aclose_old_connections()
        alone = AvatarSession.objects.open().filter(pk=session_id, page_seen_at__lte=since)
        session = await alone.afirst()
        if session is not None:
            await end_session(session, EndReason.PAGE_CLOSED)


async def _while_open(work: Callable[[int], Awaitable[bool]], session_id: int, interval: float) -> None:
    """Repeat `work` at the interval, in seconds, until it returns False: the session is over.

    A round that fails is repeated soon: the database may only have cut the connection, and the next process counts the
    missing marks of this one.
    """
    is_open, pause, retry = True, interval, FIRST_RETRY
    while is_open:
        await asyncio.sleep(pause)
        try:
            await aclose_old_connections()
            is_open = await work(session_id)
        except (DatabaseError, InterfaceError):  # the database is away; the page is still here
            logger.exception("session %s: a round of %s failed", session_id, work.__name__)
            pause, retry = min(retry, interval), 2 * retry
        else:
            pause, retry = interval, FIRST_RETRY


async def _show_page(session_id: int, interval: float) -> None:
    """Mark the row until the session is over, and make sure that the page hears of the end."""
    await _while_open(_mark_seen, session_id, interval)
    session = await AvatarSession.objects.filter(pk=session_id).afirst()
    if session is None:
        return
    # The process that ended the session has told the page, but Redis drops messages while it reconnects.
    for _ in range(SEEN_PER_GRACE):
        await announce_change(session)
        await asyncio.sleep(interval)


async def _keep_alive(session_id: int) -> bool:
    """Keep the session alive at the vendor; False when it is over here."""
    session = await AvatarSession.objects.open().filter(pk=session_id).afirst()
    if session is None:
        return False
    if session.started_at is not None:
        try:
            await liveavatar().keep_alive(session.remote_id)
        except LiveAvatarError as error:
            logger.warning("session %s: keep-alive failed: %s", session.key, error)
    return True


async def _mark_seen(session_id: int) -> bool:
    """Write that a page is here; False when the session is over."""
    session = AvatarSession.objects.open().filter(pk=session_id)
    return bool(await session.aupdate(page_seen_at=timezone.now()))


presence = Presence()
