"""Agents of CUSTOM sessions: asked for, watched by their lease, and replaced when it lapses.

What no LiveKit server does is done here: a dispatch nobody serves is made again, and an agent that is killed is
noticed within seconds instead of never. `attempt` orders them; whoever comes with an older one is sent away.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.core import signing
from django.db.models import Q
from django.utils import timezone

from sessions_app.custom.own_rooms import Dispatch, LiveKit, LiveKitUnavailable
from sessions_app.events import ingest, turns
from sessions_app.models import AgentLease, AvatarSession, RoomKind
from sessions_app.states import State

logger = logging.getLogger(__name__)

RENEW_EVERY = 2.0  # seconds
RETURN_WITHIN = 2.0  # seconds, for an agent whose line to the site broke; it tries again after 0.2 s
MOST_ATTEMPTS = 12  # of one conversation: a context that no agent survives must end some time
MOST_PATIENT = 3  # times AGENT_HELLO_WITHIN
SALT = "sessions_app.custom.lease"
KEY_LIFETIME = timedelta(hours=12)


class NoAgent(Exception):
    """Nobody took the conversation in time."""


async def engage(session: AvatarSession, brief: dict[str, Any], livekit: LiveKit) -> AgentLease:
    """Dispatch an agent, again and again, until one has said hello. Raises NoAgent or LiveKitUnavailable."""
    await AgentLease.objects.aget_or_create(session=session, defaults={"brief": brief})
    hellos = await _Hellos.open(session)
    try:
        async with asyncio.timeout(settings.AGENT_START_WITHIN):
            while True:
                lease = await _dispatch(session, livekit)
                if lease is not None and await hellos.of(lease.attempt, _patience(lease)):
                    return lease
    except TimeoutError:
        raise NoAgent(f"no agent took the conversation within {settings.AGENT_START_WITHIN} s") from None
    finally:
        await hellos.close()


async def begin(session: AvatarSession, start: dict[str, Any]) -> None:
    """The service runs the session: tell the agent where its avatar is spoken for."""
    await AgentLease.objects.filter(session=session).aupdate(start=start)
    await _tell(session, {"type": "agent.start"})


async def ask(session: AvatarSession, command: dict[str, Any]) -> None:
    """Have the agent do something: a command as the page sends it (docs/protocol.md)."""
    await _tell(session, {"type": "agent.do", "command": command})


async def send_away(session: AvatarSession) -> None:
    """The session is over: the agent closes the avatar's line and leaves."""
    await _tell(session, {"type": "agent.end", "reason": session.end_reason})


async def clear(session: AvatarSession, livekit: LiveKit) -> bool:
    """Remove our room with whoever is in it, and wipe the lease's secrets; False when LiveKit could not be asked."""
    lease = await AgentLease.objects.filter(session=session).afirst()
    if lease is not None:
        await AgentLease.objects.filter(pk=lease.pk).aupdate(start={}, renewed_at=None)
    try:
        await livekit.delete_room(session.own_room)
    except LiveKitUnavailable as error:
        logger.warning("session %s: %s", session.key, error)
        return False
    return True


async def sweep(livekit: LiveKit) -> int:
    """Remove rooms of conversations that are over, and return how many: an agent that was joining while its room was
    deleted, or a visitor whose page was asleep, has made it again.
    """
    named = {key: name for name in await livekit.rooms() if (key := AvatarSession.key_of_room(name))}
    over = AvatarSession.objects.filter(key__in=named, released_at__isnull=False)
    keys = [key async for key in over.values_list("key", flat=True)]
    for key in keys:
        await livekit.delete_room(named[key])
    return len(keys)


async def replace(lease: AgentLease, livekit: LiveKit) -> bool:
    """Another agent for a conversation whose agent is gone; False when somebody else sees to it, or nothing helps."""
    session = lease.session
    if lease.attempt >= MOST_ATTEMPTS:
        return False
    try:
        new = await _dispatch(session, livekit, instead_of=lease)
    except LiveKitUnavailable as error:
        logger.warning("session %s gets no new agent yet: %s", session.key, error)
        return True
    if new is not None:
        await sync_to_async(ingest.note)(session, "agent.replaced", {"attempt": new.attempt})
    return True


async def hello(session: AvatarSession, attempt: int, job_id: str) -> AgentLease | None:
    """An agent took the conversation; None when the attempt is not the current one.

    A second job of one attempt is one that the server offered again, because the first was lost: the newest counts.
    """
    current = AgentLease.objects.filter(session=session, attempt=attempt)
    lease = await current.select_related("session").afirst()
    if lease is None:
        return None
    took_over = lease.job_id != job_id
    news = {"agent_state": ""} if took_over else {}
    if not await current.aupdate(renewed_at=timezone.now(), unanswered=0, job_id=job_id, **news):
        return None
    if took_over:
        await sync_to_async(turns.break_off)(session)
    if took_over and lease.job_id:
        await sync_to_async(ingest.note)(session, "agent.replaced", {"attempt": attempt})
    await _tell(session, {"type": "agent.hello", "attempt": attempt}, group=_start_group(session))
    return lease


async def renew(session: AvatarSession, attempt: int, job_id: str, state: str) -> bool:
    """The agent lives; False when another one holds the lease."""
    current = AgentLease.objects.filter(session=session, attempt=attempt, job_id=job_id)
    return bool(await current.aupdate(renewed_at=timezone.now(), agent_state=state[:16]))


async def line_lost(session: AvatarSession, attempt: int, job_id: str) -> None:
    """The agent's line broke, as that of a killed one does: it comes back soon, or is replaced before its time."""
    due = timezone.now() - timedelta(seconds=settings.AGENT_LEASE - RETURN_WITHIN)
    current = AgentLease.objects.filter(session=session, attempt=attempt, job_id=job_id, renewed_at__gt=due)
    await current.aupdate(renewed_at=due)


async def lapsed() -> list[AgentLease]:
    """Leases of live sessions whose agent has not been heard of, or has not come."""
    now = timezone.now()
    silent = Q(renewed_at__lt=now - timedelta(seconds=settings.AGENT_LEASE))
    missing = Q(renewed_at=None, dispatched_at__lt=now - timedelta(seconds=settings.AGENT_HELLO_WITHIN))
    leases = AgentLease.objects.filter(silent | missing, session__state=State.LIVE)
    return [lease async for lease in leases.select_related("session") if _is_overdue(lease, now)]


def agent_group(session: AvatarSession) -> str:
    """Where the consumer of the session's agent listens."""
    return f"agent.{session.key.hex}"


def signed_key(session: AvatarSession, attempt: int) -> str:
    """What an agent proves itself with; it travels in the dispatch, which only our LiveKit's agents see."""
    return signing.dumps({"session": str(session.key), "attempt": attempt}, salt=SALT)


def is_key_of(key: object, session_key: str, attempt: int) -> bool:
    try:
        claims = signing.loads(str(key), salt=SALT, max_age=KEY_LIFETIME)
    except signing.BadSignature:
        return False
    return bool(claims == {"session": session_key, "attempt": attempt})


def _patience(lease: AgentLease) -> float:
    """Seconds in which its agent must say hello: the more the oftener none did, or where many start at once on a busy
    machine each would be given up just before it is there.
    """
    times: int = min(1 + lease.unanswered, MOST_PATIENT)
    return float(settings.AGENT_HELLO_WITHIN * times)


def _is_overdue(lease: AgentLease, now: datetime) -> bool:
    if lease.renewed_at is not None or lease.dispatched_at is None:
        return True
    return lease.dispatched_at < now - timedelta(seconds=_patience(lease))


async def _dispatch(
    session: AvatarSession, livekit: LiveKit, instead_of: AgentLease | None = None
) -> AgentLease | None:
    """The next attempt; None when another process has begun one meanwhile."""
    old = instead_of or await AgentLease.objects.select_related("session").aget(session=session)
    now = timezone.now()
    claimed = await AgentLease.objects.filter(pk=old.pk, attempt=old.attempt).aupdate(
        attempt=old.attempt + 1,
        dispatched_at=now,
        unanswered=old.unanswered + (old.attempt > 0 and old.renewed_at is None),
        renewed_at=None,
        job_id="",
        agent_state="",
    )
    if not claimed:
        return None
    if old.dispatch_id:
        await livekit.recall(Dispatch(old.dispatch_id, session.own_room), old.identity)
    attempt = old.attempt + 1
    dispatch = await livekit.dispatch(
        session.own_room,
        {
            "site_url": settings.SITE_URL,
            "session": str(session.key),
            "attempt": attempt,
            "key": signed_key(session, attempt),
            "hosted": session.room_kind == RoomKind.HOSTED,
        },
    )
    await AgentLease.objects.filter(pk=old.pk, attempt=attempt).aupdate(dispatch_id=dispatch.id)
    return await AgentLease.objects.select_related("session").aget(pk=old.pk)


async def _tell(session: AvatarSession, message: dict[str, Any], group: str = "") -> None:
    layer = get_channel_layer()
    if layer is not None:
        await layer.group_send(group or agent_group(session), message)


def _start_group(session: AvatarSession) -> str:
    return f"agent.{session.key.hex}.start"


class _Hellos:
    """Which agents have said hello, to whichever process of the site."""

    def __init__(self, group: str, channel: str) -> None:
        self._group = group
        self._channel = channel

    @classmethod
    async def open(cls, session: AvatarSession) -> "_Hellos":
        layer = get_channel_layer()
        assert layer is not None
        channel = await layer.new_channel()
        await layer.group_add(_start_group(session), channel)
        return cls(_start_group(session), channel)

    async def of(self, attempt: int, within: float) -> bool:
        """True as soon as the agent of that attempt is there; False when `within` seconds have passed."""
        layer = get_channel_layer()
        assert layer is not None
        try:
            async with asyncio.timeout(within):
                while True:
                    message = await layer.receive(self._channel)
                    if message["attempt"] == attempt:
                        return True
        except TimeoutError:
            return False

    async def close(self) -> None:
        layer = get_channel_layer()
        assert layer is not None
        await layer.group_discard(self._group, self._channel)
