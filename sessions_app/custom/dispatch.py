"""Dispatches agents through our LiveKit until one says hello, and replaces an agent that is gone.

No LiveKit server repeats a dispatch that no worker serves, or replaces an agent that died in mid-conversation.
"""

import asyncio
import logging
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings

from sessions_app.custom.agent_line import Hellos
from sessions_app.custom.lease import claim_next_attempt, signed_key
from sessions_app.custom.livekit_server import Dispatch, LiveKitUnavailable, livekit_server
from sessions_app.events import ingest
from sessions_app.models import AgentLease, AvatarSession, RoomKind

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 12  # per conversation, so that a context that crashes every agent comes to an end


class NoAgentAvailable(Exception):
    """No agent took the conversation in time."""


async def dispatch_agent(session: AvatarSession, config: dict[str, Any]) -> None:
    """Dispatch agents until one says hello. `config` is what the agent is told of its part.

    Raises NoAgentAvailable or LiveKitUnavailable.
    """
    await AgentLease.objects.aget_or_create(session=session, defaults={"config": config})
    try:
        async with Hellos(session) as hellos, asyncio.timeout(settings.AGENT_START_WITHIN):
            while True:
                lease = await _dispatch_next(
                    await AgentLease.objects.select_related("session").aget(session=session)
                )
                if lease is not None and await hellos.wait_for(lease.attempt, lease.hello_timeout):
                    return
    except TimeoutError:
        waited = settings.AGENT_START_WITHIN
        raise NoAgentAvailable(f"no agent took the conversation within {waited} s") from None


async def replace_agent(lease: AgentLease) -> bool:
    """Dispatch the next agent for a conversation whose agent is gone; False after MAX_ATTEMPTS."""
    session = lease.session
    if lease.attempt >= MAX_ATTEMPTS:
        return False
    try:
        following = await _dispatch_next(lease)
    except LiveKitUnavailable as error:
        logger.warning("session %s: no new agent yet: %s", session.key, error)
        return True
    if following is not None:
        await sync_to_async(ingest.record_site_event)(
            session, "agent.replaced", {"attempt": following.attempt}
        )
    return True


async def _dispatch_next(lease: AgentLease) -> AgentLease | None:
    """Withdraw the dispatch of `lease` and make the next one; None if another process has begun one meanwhile."""
    following = await claim_next_attempt(lease)
    if following is None:
        return None
    session, server = following.session, livekit_server()
    if lease.dispatch_id:
        await server.withdraw(Dispatch(lease.dispatch_id, session.own_room), lease.identity)
    dispatch = await server.dispatch(
        session.own_room,
        {
            "site_url": settings.SITE_URL,
            "session": str(session.key),
            "attempt": following.attempt,
            "key": signed_key(session, following.attempt),
            "hosted": session.room_kind == RoomKind.HOSTED,
        },
    )
    await AgentLease.objects.filter(pk=lease.pk, attempt=following.attempt).aupdate(dispatch_id=dispatch.id)
    following.dispatch_id = dispatch.id
    return following
