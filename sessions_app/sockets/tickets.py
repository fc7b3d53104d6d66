"""One-time tickets, which let a page open its websocket."""

import hashlib
import secrets
from datetime import timedelta

from django.utils import timezone

from sessions_app.models import AvatarSession, Ticket

LIFETIME = timedelta(seconds=60)


async def issue(session: AvatarSession) -> str:
    """Issue a ticket of 256 random bits for a page of this session, and delete expired tickets."""
    await Ticket.objects.filter(expires_at__lt=timezone.now()).adelete()
    ticket = secrets.token_urlsafe(32)
    await Ticket.objects.acreate(
        session=session, digest=_digest(ticket), expires_at=timezone.now() + LIFETIME
    )
    return ticket


async def redeem(session: AvatarSession, ticket: object) -> bool:
    """Use up the ticket; True once for a ticket of this session that has not expired."""
    if not isinstance(ticket, str):
        return False
    deleted, _ = await Ticket.objects.filter(
        session=session, digest=_digest(ticket), expires_at__gte=timezone.now()
    ).adelete()
    return deleted == 1


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode("utf-8", "replace")).hexdigest()
