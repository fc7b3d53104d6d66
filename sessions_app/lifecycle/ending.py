"""Ends sessions: here, at the vendor and in our LiveKit.

The row is written before the vendor is called and after it answered, never across the call. The process that changes
the row first decides: a start that finds its session ended stops what it started.
"""

import logging

from asgiref.sync import sync_to_async
from django.utils import timezone

from sessions_app.end_reasons import EndReason
from sessions_app.events import ingest
from sessions_app.events.bell import announce_change
from sessions_app.lifecycle.modes import mode_of
from sessions_app.models import AvatarSession
from sessions_app.states import IllegalTransition, Signal

logger = logging.getLogger(__name__)


async def end_session(session: AvatarSession, reason: EndReason, *, detail: str = "") -> bool:
    """End the session and release what it holds; False if it was over already.

    Where the vendor or LiveKit cannot be asked, the row stays unreleased and the reaper tries again.
    """
    try:
        changed = await session.aadvance(
            Signal.END,
            end_reason=reason,
            end_detail=detail[:500],
            ended_at=timezone.now(),
            session_token="",
            room_token="",
        )
    except IllegalTransition:
        return False
    if not changed:
        return False
    payload = {"reason": reason.value, "detail": detail}
    await sync_to_async(ingest.record_site_event)(session, "session.ended", payload)
    await announce_change(session)
    await release_session(session)
    return True


async def release_session(session: AvatarSession) -> bool:
    """Stop the session at the vendor and remove its room and agent; False if something could not be asked.

    The vendor is asked even when it said itself that the session is over: a second stop is free.
    """
    if session.released_at is not None:
        return True
    if not await mode_of(session).release(session):
        return False
    session.released_at = timezone.now()
    await session.asave(update_fields=["released_at"])
    return True


async def release_again(session: AvatarSession) -> None:
    """Release a session that was ended during its start: the first stop may have come before the vendor's start."""
    session.released_at = None
    await release_session(session)
