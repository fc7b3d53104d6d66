"""The lease of a CUSTOM conversation: which agent holds it, and until when the site believes that agent alive.

LiveKit servers replace no agent and notice a killed one after 20 s. The row decides which attempt counts.
"""

from datetime import datetime, timedelta

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core import signing
from django.db.models import Q
from django.utils import timezone

from sessions_app.events import ingest
from sessions_app.models import AgentLease, AvatarSession
from sessions_app.states import State

RENEW_EVERY = 2.0  # seconds
RETURN_WITHIN = 2.0  # seconds, for an agent that lost its socket to the site; it reconnects after 0.2 s
SALT = "sessions_app.agents"
KEY_LIFETIME = timedelta(hours=12)


async def lease_of(session: AvatarSession) -> AgentLease | None:
    """Return the session's lease together with its session, or None."""
    return await AgentLease.objects.select_related("session").filter(session=session).afirst()


async def claim_next_attempt(lease: AgentLease) -> AgentLease | None:
    """Begin the attempt after `lease`; None if another process has begun one meanwhile."""
    claimed = await AgentLease.objects.filter(pk=lease.pk, attempt=lease.attempt).aupdate(
        attempt=lease.attempt + 1,
        dispatched_at=timezone.now(),
        unanswered=lease.unanswered + (lease.attempt > 0 and lease.renewed_at is None),
        renewed_at=None,
        job_id="",
        agent_state="",
    )
    return await AgentLease.objects.select_related("session").aget(pk=lease.pk) if claimed else None


async def take_lease(session: AvatarSession, attempt: int, job_id: str) -> AgentLease | None:
    """Give the lease to the agent that said hello; None if its attempt is not the current one.

    A LiveKit server may offer a lost job again under the same attempt. The newest job holds the lease.
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
        await sync_to_async(ingest.record_site_event)(session, "agent.arrived", {"attempt": attempt})
    if took_over and lease.job_id:
        await sync_to_async(ingest.record_site_event)(session, "agent.replaced", {"attempt": attempt})
    return lease


async def renew_lease(session: AvatarSession, attempt: int, job_id: str, state: str) -> bool:
    """Prolong the lease; False if another agent holds it."""
    current = AgentLease.objects.filter(session=session, attempt=attempt, job_id=job_id)
    return bool(await current.aupdate(renewed_at=timezone.now(), agent_state=state[:16]))


async def shorten_lease(session: AvatarSession, attempt: int, job_id: str) -> None:
    """Let the lease lapse in RETURN_WITHIN: the agent's socket closed, as that of a killed agent does."""
    due = timezone.now() - timedelta(seconds=settings.AGENT_LEASE - RETURN_WITHIN)
    current = AgentLease.objects.filter(session=session, attempt=attempt, job_id=job_id, renewed_at__gt=due)
    await current.aupdate(renewed_at=due)


async def wipe_lease(session: AvatarSession) -> None:
    """Remove the lease's secrets at the end of the session."""
    await AgentLease.objects.filter(session=session).aupdate(start={}, renewed_at=None)


async def lapsed_leases() -> list[AgentLease]:
    """Return the leases of live sessions whose agent fell silent, or whose dispatch no agent answered."""
    now = timezone.now()
    silent = Q(renewed_at__lt=now - timedelta(seconds=settings.AGENT_LEASE))
    missing = Q(renewed_at=None, dispatched_at__lt=now - timedelta(seconds=settings.AGENT_HELLO_WITHIN))
    leases = AgentLease.objects.filter(silent | missing, session__state=State.LIVE)
    return [lease async for lease in leases.select_related("session") if _is_overdue(lease, now)]


def signed_key(session: AvatarSession, attempt: int) -> str:
    """Sign the key that proves an agent. It travels in the dispatch, which only our LiveKit's workers see."""
    return signing.dumps({"session": str(session.key), "attempt": attempt}, salt=SALT)


def is_key_of(key: object, session_key: str, attempt: int) -> bool:
    """Tell whether the site signed `key` for this session and attempt."""
    try:
        claims = signing.loads(str(key), salt=SALT, max_age=KEY_LIFETIME)
    except signing.BadSignature:
        return False
    return bool(claims == {"session": session_key, "attempt": attempt})


def _is_overdue(lease: AgentLease, now: datetime) -> bool:
    if lease.renewed_at is not None or lease.dispatched_at is None:
        return True
    return lease.dispatched_at < now - timedelta(seconds=lease.hello_timeout)
