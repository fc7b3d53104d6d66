"""The open pages of this process: it keeps their sessions alive, and ends those whose page does not come back.

Several processes may serve one site. `page_seen_at` on the row tells each of them whether another one has the page.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from django.conf import settings
from django.utils import timezone

from liveavatar import LiveAvatarError
from sessions_app.background import in_background
from sessions_app.clients import liveavatar
from sessions_app.end_reasons import EndReason
from sessions_app.lifecycle.ending import end_session
from sessions_app.models import AvatarSession

logger = logging.getLogger(__name__)


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
            self._start(self._keepers, session.pk, self._keep_alive(session.pk))

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

    async def _keep_alive(self, session_id: int) -> None:
        while True:
            await asyncio.sleep(settings.KEEP_ALIVE_INTERVAL)
            session = await AvatarSession.objects.open().filter(pk=session_id).afirst()
            if session is None:
                return
            await _mark_seen(session_id)
            if session.started_at is None:
                continue
            try:
                await liveavatar().keep_alive(session.remote_id)
            except LiveAvatarError as error:
                logger.warning("session %s: keep-alive failed: %s", session.key, error)

    async def _end_if_alone(self, session_id: int) -> None:
        since = timezone.now()
        await asyncio.sleep(settings.PAGE_GRACE)
        alone = AvatarSession.objects.open().filter(pk=session_id, page_seen_at__lte=since)
        session = await alone.afirst()
        if session is not None:
            await end_session(session, EndReason.PAGE_CLOSED)


async def _mark_seen(session_id: int) -> None:
    await AvatarSession.objects.filter(pk=session_id).aupdate(page_seen_at=timezone.now())


presence = Presence()
