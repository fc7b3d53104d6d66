"""What is done with a session where the network and the row are both concerned.

The row is written before the service is called and after it answered, never across the call. Whoever changes the row
first decides: a start that finds its session ended meanwhile stops what it started.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.utils import timezone

from liveavatar import EndReason as ServiceEndReason
from liveavatar import (
    FullSession,
    Interactivity,
    LiveAvatar,
    LiveAvatarError,
    Quality,
    SessionToken,
    vocabulary,
)
from sessions_app.background import in_background
from sessions_app.custom import lease as agents
from sessions_app.custom.lease import NoAgent
from sessions_app.custom.own_rooms import LiveKitUnavailable, livekit
from sessions_app.end_reasons import EndReason, known_reason, reason_for_service
from sessions_app.events import ingest
from sessions_app.events.frames import Event
from sessions_app.lifecycle import custom
from sessions_app.lifecycle.custom import RoomNotReachable
from sessions_app.lifecycle.user_errors import Trouble, explain
from sessions_app.models import AgentLease, AvatarSession, SessionEvent
from sessions_app.states import IllegalTransition, Signal, State

logger = logging.getLogger(__name__)


class StartRefused(Exception):
    """The session did not start; `trouble` says why, in words for the visitor."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.code)
        self.trouble = trouble


CANCELLED = Trouble("session.ended", "The conversation was ended before it began.", retry=False)

# Starts under way in this process: a second request for the same session waits for the first one's answer.
_starting: dict[int, asyncio.Task[AvatarSession]] = {}


async def start_session(session: AvatarSession, *, service: LiveAvatar) -> AvatarSession:
    """Start the session at the service, or join the start under way. Raises StartRefused.

    The start goes on when the caller is cancelled (a page that is closed while it waits): what the service
    starts must be known, or it could not be stopped.
    """
    task = _starting.get(session.pk)
    if task is None:
        task = in_background(_start(session, service), f"start {session.key}")
        _starting[session.pk] = task
        task.add_done_callback(lambda _: _starting.pop(session.pk, None))
        task.add_done_callback(_retrieve)
    return await asyncio.shield(task)


async def end_session(
    session: AvatarSession, reason: EndReason, *, service: LiveAvatar, detail: str = ""
) -> bool:
    """End the session here and at the service; False when it was over already. Never fails.

    Where the service cannot be reached the row stays unreleased, and the reaper tries again.
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
    await _note(session, "session.ended", {"reason": reason.value, "detail": detail})
    await announce(session)
    await release(session, service=service)
    return True


async def release(session: AvatarSession, *, service: LiveAvatar) -> bool:
    """Make sure that nothing of the session is left: at the service, and in our LiveKit.

    It is stopped whoever says that it is over: that is free. False when something could not be asked; the reaper
    tries again.
    """
    if session.released_at is not None or not (session.remote_id or session.is_custom):
        return True
    if session.is_custom:
        await agents.send_away(session)
    if session.remote_id and not await _stop_at_service(session, service):
        return False
    if session.is_custom and not await agents.clear(session, livekit()):
        return False
    session.released_at = timezone.now()
    await session.asave(update_fields=["released_at"])
    return True


async def _stop_at_service(session: AvatarSession, service: LiveAvatar) -> bool:
    reason = ServiceEndReason(reason_for_service(EndReason(session.end_reason or EndReason.UNKNOWN)))
    try:
        await service.stop_session(session_id=session.remote_id, reason=reason)
    except LiveAvatarError as error:
        logger.warning("session %s could not be stopped at the service: %s", session.key, error)
        return False
    return True


async def follow_agent(
    session: AvatarSession, attempt: int, events: Sequence[Event], *, service: LiveAvatar
) -> None:
    """Do what an agent's events mean for the session itself. Nobody else may report them."""
    for event in events:
        if event.type == "agent.session_over":
            await end_session(session, await _why_over(session, event, service), service=service)
        elif event.type == "agent.leaving":
            lease = await AgentLease.objects.select_related("session").filter(session=session).afirst()
            if lease is not None and lease.attempt == attempt:
                await keep_agent(lease, service=service)


async def keep_agent(lease: AgentLease, *, service: LiveAvatar) -> None:
    """Replace an agent that is gone, or end the session when nobody can take over."""
    session = lease.session
    await session.arefresh_from_db()
    if session.state == State.LIVE and not await agents.replace(lease, livekit()):
        await end_session(session, EndReason.AGENT_LOST, service=service)


async def follow(session: AvatarSession, events: Sequence[Event], *, service: LiveAvatar) -> None:
    """Do what newly reported events mean for the session itself."""
    for event in events:
        if event.direction == SessionEvent.Direction.IN and event.type == vocabulary.Event.SESSION_STOPPED:
            reason = known_reason(vocabulary.end_reason_of(event.payload))
            await end_session(session, reason, service=service)
        elif event.direction == SessionEvent.Direction.PAGE and event.type == "page.session_started":
            await _started_by_browser(session)


async def announce(session: AvatarSession) -> None:
    """Tell the open pages of the session that it changed."""
    layer = get_channel_layer()
    if layer is not None:
        await layer.group_send(group_of(session.key), {"type": "session.changed"})


def group_of(key: UUID) -> str:
    return f"session.{key.hex}"


async def _start(session: AvatarSession, service: LiveAvatar) -> AvatarSession:
    await session.arefresh_from_db()
    if session.state == State.LIVE:
        return session
    if session.is_browser_managed and session.session_token:
        return session
    try:
        await session.aadvance(Signal.START, page_seen_at=timezone.now())
    except IllegalTransition:
        raise StartRefused(CANCELLED) from None
    try:
        if session.is_custom:
            await _start_custom(session, service)
        else:
            token = await service.create_session_token(_request_of(session))
            await _remember(session, token, service)
            if not session.is_browser_managed:
                await _start_at_service(session, token, service)
    except (LiveAvatarError, LiveKitUnavailable, NoAgent, RoomNotReachable) as error:
        raise await _refused(session, error, service) from None
    return session


async def _start_custom(session: AvatarSession, service: LiveAvatar) -> None:
    """Our room and our agent first: as long as nobody can listen, nothing is billed."""
    request = await custom.prepare(session, livekit())
    token = await service.create_session_token(request)
    await _remember(session, token, service)
    await agents.engage(session, await custom.brief(session, service), livekit())
    await session.arefresh_from_db(fields=["state"])
    if not session.is_open:
        await _release_again(session, service)
        raise StartRefused(CANCELLED)
    await _start_at_service(session, token, service)


async def _remember(session: AvatarSession, token: SessionToken, service: LiveAvatar) -> None:
    """Keep the service's id before anything is started, and stop here if the visitor cancelled meanwhile."""
    session.remote_id = token.session_id
    await session.asave(update_fields=["remote_id"])
    if session.is_browser_managed:
        session.session_token = token.session_token
        await session.asave(update_fields=["session_token"])
    await session.arefresh_from_db(fields=["state"])
    if not session.is_open:
        await _release_again(session, service)
        raise StartRefused(CANCELLED)


async def _start_at_service(session: AvatarSession, token: SessionToken, service: LiveAvatar) -> None:
    started = await service.start_session(token)
    url, visitor_token = started.livekit_url or "", started.livekit_client_token or ""
    if session.is_custom:
        url, visitor_token = custom.way_in(session, started, livekit())
        await agents.begin(session, custom.agent_start(session, started))
    try:
        await session.aadvance(
            Signal.STARTED,
            started_at=timezone.now(),
            room_url=url,
            room_token=visitor_token,
            max_duration=started.max_session_duration,
        )
    except IllegalTransition:
        await _release_again(session, service)
        raise StartRefused(CANCELLED) from None
    await _note(session, "session.started", {"by": "site"})


async def _release_again(session: AvatarSession, service: LiveAvatar) -> None:
    """Whoever ended the session may have stopped it before the service had started it."""
    session.released_at = None
    await release(session, service=service)


async def _started_by_browser(session: AvatarSession) -> None:
    try:
        changed = await session.aadvance(
            Signal.STARTED, started_at=timezone.now(), max_duration=settings.LIVEAVATAR_MAX_DURATION
        )
    except IllegalTransition:
        return
    if changed:
        await _note(session, "session.started", {"by": "browser"})


async def _why_over(session: AvatarSession, event: Event, service: LiveAvatar) -> EndReason:
    """The service says on the avatar's line that it is over, but only its list of sessions says why."""
    causes = {"room": EndReason.ROOM_LOST, "agent": EndReason.AGENT_HANG_UP}
    if reason := causes.get(str(event.payload.get("cause"))):
        return reason
    try:
        summary = await service.session(session.remote_id)
    except LiveAvatarError as error:
        logger.warning("session %s: the service does not say why it ended: %s", session.key, error)
        return EndReason.AVATAR_LOST
    return EndReason.AVATAR_LOST if summary.end_reason is None else known_reason(summary.end_reason.value)


async def _refused(session: AvatarSession, error: Exception, service: LiveAvatar) -> StartRefused:
    """Write down why the start failed, and undo what the service may have done all the same."""
    trouble = explain(error)
    logger.warning("session %s could not be started: %s", session.key, error)
    try:
        await session.aadvance(
            Signal.REFUSED,
            end_reason=EndReason.START_FAILED,
            end_detail=trouble.message,
            ended_at=timezone.now(),
            session_token="",
        )
    except IllegalTransition:
        await _release_again(session, service)
        return StartRefused(CANCELLED)
    await _note(session, "session.refused", {"code": trouble.code, "error": str(error)})
    await release(session, service=service)
    return StartRefused(trouble)


def _request_of(session: AvatarSession) -> FullSession:
    return FullSession(
        avatar_id=session.avatar_id,
        voice_id=session.voice_id or None,
        context_id=session.context_id or None,
        language=session.language,
        quality=Quality(session.quality),
        interactivity_type=Interactivity(session.interactivity),
        is_sandbox=session.sandbox,
        max_session_duration=settings.LIVEAVATAR_MAX_DURATION,
    )


async def _note(session: AvatarSession, kind: str, payload: dict[str, Any]) -> None:
    await sync_to_async(ingest.note)(session, kind, payload)


def _retrieve(task: asyncio.Task[AvatarSession]) -> None:
    """A start whose page is gone has nobody to raise its error to; the row holds it."""
    if not task.cancelled():
        task.exception()
