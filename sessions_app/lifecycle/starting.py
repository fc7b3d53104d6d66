"""Starts sessions at the vendor, each once, whatever becomes of the page that asked."""

import asyncio
import logging

from asgiref.sync import sync_to_async
from django.utils import timezone

from liveavatar import LiveAvatarError, SessionToken
from sessions_app.background import in_background
from sessions_app.clients import liveavatar
from sessions_app.custom.dispatch import NoAgentAvailable
from sessions_app.custom.livekit_server import LiveKitUnavailable
from sessions_app.end_reasons import EndReason
from sessions_app.events import ingest
from sessions_app.lifecycle.at_vendor import EndedMeanwhile, RoomAccess, require_open
from sessions_app.lifecycle.custom import RoomNotReachable
from sessions_app.lifecycle.ending import release_again, release_session
from sessions_app.lifecycle.modes import mode_of
from sessions_app.lifecycle.user_errors import UserFacingError, describe_error
from sessions_app.models import AvatarSession
from sessions_app.states import IllegalTransition, Signal, State

logger = logging.getLogger(__name__)

CANCELLED = UserFacingError("session.ended", "The conversation was ended before it began.", retry=False)


class StartRefused(Exception):
    """The session did not start. `error` says why, in words for the visitor."""

    def __init__(self, error: UserFacingError) -> None:
        super().__init__(error.code)
        self.error = error


# Starts under way in this process: a second request for the same session waits for the first one's answer.
_starting: dict[int, asyncio.Task[AvatarSession]] = {}


async def start_session(session: AvatarSession) -> AvatarSession:
    """Start the session at the vendor, or join the start under way. Raises StartRefused.

    The start goes on when the caller is cancelled, as by a page that is closed while it waits: only a start whose
    outcome is known can be stopped.
    """
    task = _starting.get(session.pk)
    if task is None:
        task = in_background(_start(session), f"start {session.key}")
        _starting[session.pk] = task
        task.add_done_callback(lambda _: _starting.pop(session.pk, None))
        task.add_done_callback(_retrieve)
    return await asyncio.shield(task)


async def _start(session: AvatarSession) -> AvatarSession:
    await session.arefresh_from_db()
    if session.state == State.LIVE or session.session_token:
        return session
    try:
        await session.aadvance(Signal.START, page_seen_at=timezone.now())
    except IllegalTransition:
        raise StartRefused(CANCELLED) from None
    mode = mode_of(session)
    try:
        token = await liveavatar().create_session_token(await mode.prepare(session))
        await _keep_remote_id(session, token)
        room = await mode.start(session, token)
        if room is not None:
            await _go_live(session, room)
    except EndedMeanwhile:
        await release_again(session)
        raise StartRefused(CANCELLED) from None
    except (LiveAvatarError, LiveKitUnavailable, NoAgentAvailable, RoomNotReachable) as error:
        raise await _refuse(session, error) from None
    return session


async def _keep_remote_id(session: AvatarSession, token: SessionToken) -> None:
    """Keep the vendor's id before anything is started, and go no further if the visitor cancelled meanwhile."""
    session.remote_id = token.session_id
    await session.asave(update_fields=["remote_id"])
    await require_open(session)


async def _go_live(session: AvatarSession, room: RoomAccess) -> None:
    try:
        await session.aadvance(
            Signal.STARTED,
            started_at=timezone.now(),
            room_url=room.url,
            room_token=room.token,
            max_duration=room.max_duration,
        )
    except IllegalTransition:
        raise EndedMeanwhile from None
    await sync_to_async(ingest.note)(session, "session.started", {"by": "site"})


async def _refuse(session: AvatarSession, error: Exception) -> StartRefused:
    """Store why the start failed, and undo what the vendor may have done all the same."""
    shown = describe_error(error)
    logger.warning("session %s: start failed: %s", session.key, error)
    try:
        await session.aadvance(
            Signal.REFUSED,
            end_reason=EndReason.START_FAILED,
            end_detail=shown.message,
            ended_at=timezone.now(),
            session_token="",
        )
    except IllegalTransition:
        await release_again(session)
        return StartRefused(CANCELLED)
    await sync_to_async(ingest.note)(session, "session.refused", {"code": shown.code, "error": str(error)})
    await release_session(session)
    return StartRefused(shown)


def _retrieve(task: asyncio.Task[AvatarSession]) -> None:
    """Read the error of a start whose page is gone, so that asyncio does not log it; the row holds it."""
    if not task.cancelled():
        task.exception()
