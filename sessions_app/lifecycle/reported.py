"""What reported events mean for the session itself: it went live, it ended, its agent is gone."""

import asyncio
import logging
from collections.abc import Sequence

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from liveavatar import LiveAvatarError, vocabulary
from sessions_app.clients import liveavatar
from sessions_app.custom.dispatch import replace_agent
from sessions_app.custom.lease import lease_of
from sessions_app.end_reasons import EndReason, known_reason
from sessions_app.events import ingest
from sessions_app.events.frames import Event
from sessions_app.lifecycle.ending import end_session
from sessions_app.models import AgentLease, AvatarSession, SessionEvent
from sessions_app.states import IllegalTransition, Signal, State

logger = logging.getLogger(__name__)

REASON_WITHIN = 3.0  # seconds; until then the session is not stopped, and may be billed
CAUSES = {"room": EndReason.ROOM_LOST, "agent": EndReason.AGENT_HANG_UP}


async def apply_page_events(session: AvatarSession, events: Sequence[Event]) -> None:
    """End the session or mark it live, where the page's newly stored events say so."""
    for event in events:
        if event.direction == SessionEvent.Direction.IN and event.type == vocabulary.Event.SESSION_STOPPED:
            await end_session(session, known_reason(vocabulary.end_reason_of(event.payload)))
        elif event.direction == SessionEvent.Direction.PAGE and event.type == "page.session_started":
            await _started_by_browser(session)


async def apply_agent_events(session: AvatarSession, attempt: int, events: Sequence[Event]) -> None:
    """End the session or replace its agent, where the agent's newly stored events say so.

    Only the agent's own line may report these.
    """
    for event in events:
        if event.type == "agent.session_over":
            await end_session(session, await _why_over(session, event))
        elif event.type == "agent.leaving":
            lease = await lease_of(session)
            if lease is not None and lease.attempt == attempt:
                await replace_or_end(lease)


async def replace_or_end(lease: AgentLease) -> None:
    """Replace an agent that is gone, or end the session after too many attempts."""
    session = lease.session
    await session.arefresh_from_db()
    if session.state == State.LIVE and not await replace_agent(lease):
        await end_session(session, EndReason.AGENT_LOST)


async def vendors_reason(session: AvatarSession) -> EndReason | None:
    """Ask the vendor why it ended the session; None if it did not, or does not answer soon."""
    try:
        async with asyncio.timeout(REASON_WITHIN):
            summary = await liveavatar().session(session.remote_id)
    except (LiveAvatarError, TimeoutError) as error:
        logger.warning("session %s: the vendor does not say why it ended: %r", session.key, error)
        return None
    return None if summary.end_reason is None else known_reason(summary.end_reason.value)


async def _started_by_browser(session: AvatarSession) -> None:
    try:
        changed = await session.aadvance(
            Signal.STARTED, started_at=timezone.now(), max_duration=settings.LIVEAVATAR_MAX_DURATION
        )
    except IllegalTransition:
        return
    if changed:
        await sync_to_async(ingest.record_site_event)(session, "session.started", {"by": "browser"})


async def _why_over(session: AvatarSession, event: Event) -> EndReason:
    """Return why the agent's session is over. The media websocket does not say why the vendor closed it."""
    if reason := CAUSES.get(str(event.payload.get("cause"))):
        return reason
    return await vendors_reason(session) or EndReason.AVATAR_LOST
