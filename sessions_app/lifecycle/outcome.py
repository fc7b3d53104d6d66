"""The outcome of a start, written to the row: live, failed, or ended meanwhile."""

import logging
from typing import Any

from asgiref.sync import sync_to_async
from django.utils import timezone

from sessions_app.end_reasons import EndReason
from sessions_app.events import ingest
from sessions_app.lifecycle.at_vendor import RoomAccess
from sessions_app.lifecycle.ending import release_again, release_session
from sessions_app.lifecycle.user_errors import UserFacingError, describe_error
from sessions_app.models import AvatarSession
from sessions_app.states import IllegalTransition, Signal

logger = logging.getLogger(__name__)

CANCELLED = UserFacingError("session.ended", "The conversation was ended before it began.", retry=False)


class StartRefused(Exception):
    """The session did not start. `error` says why, in words for the visitor."""

    def __init__(self, error: UserFacingError) -> None:
        super().__init__(error.code)
        self.error = error


async def write_outcome(session: AvatarSession, outcome: RoomAccess | Exception) -> None:
    """Make the session live or failed, and undo a start that failed or was not wanted any more.

    Raises StartRefused unless the session is live now. The row decides: a session that was ended meanwhile stays ended,
    and what the vendor started for it is stopped.
    """
    if isinstance(outcome, RoomAccess):
        await _advance(session, Signal.STARTED, _live(outcome))
        await sync_to_async(ingest.record_site_event)(session, "session.started", {"by": "site"})
        return
    error = describe_error(outcome)
    await _advance(session, Signal.REFUSED, _failed(error))
    logger.warning("session %s: start failed: %s", session.key, outcome)
    await sync_to_async(ingest.record_site_event)(
        session, "session.refused", {"code": error.code, "error": str(outcome)}
    )
    await release_session(session)
    raise StartRefused(error)


async def _advance(session: AvatarSession, signal: Signal, changes: dict[str, Any]) -> None:
    try:
        await session.aadvance(signal, **changes)
    except IllegalTransition:
        await release_again(session)
        raise StartRefused(CANCELLED) from None


def _live(room: RoomAccess) -> dict[str, Any]:
    return {
        "started_at": timezone.now(),
        "room_url": room.url,
        "room_token": room.token,
        "max_duration": room.max_duration,
    }


def _failed(error: UserFacingError) -> dict[str, Any]:
    return {
        "end_reason": EndReason.START_FAILED,
        "end_detail": error.message,
        "ended_at": timezone.now(),
        "session_token": "",
    }
