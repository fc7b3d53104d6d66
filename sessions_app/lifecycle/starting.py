"""Starts a session once, whatever becomes of the page that asked for it."""

import asyncio

from sessions_app.background import in_background
from sessions_app.lifecycle.attempt import attempt_start
from sessions_app.models import AvatarSession

# Starts under way in this process: a second request for the same session waits for the first one's answer.
_starting: dict[int, asyncio.Task[AvatarSession]] = {}


async def start_session(session: AvatarSession) -> AvatarSession:
    """Start the session at the vendor, or join the start under way. Raises StartRefused.

    The start goes on when the caller is cancelled, as by a page that is closed while it waits: only a start whose
    outcome is known can be stopped.
    """
    task = _starting.get(session.pk)
    if task is None:
        task = in_background(attempt_start(session), f"start {session.key}")
        _starting[session.pk] = task
        task.add_done_callback(lambda _: _starting.pop(session.pk, None))
        task.add_done_callback(_retrieve)
    return await asyncio.shield(task)


def _retrieve(task: asyncio.Task[AvatarSession]) -> None:
    """Read the error of a start whose page is gone, so that asyncio does not log it; the row holds it."""
    if not task.cancelled():
        task.exception()
