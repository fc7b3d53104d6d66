"""The visitor: a random id in the cookie session, which outlives a login."""

from uuid import UUID, uuid4

from django.http import Http404, HttpRequest

from sessions_app.models import AvatarSession


async def visitor_of(request: HttpRequest) -> UUID:
    """Return the visitor's id, made at the first visit."""
    known: str | None = await request.session.aget("visitor")
    if known is None:
        known = str(uuid4())
        await request.session.aset("visitor", known)
    return UUID(known)


async def own_session(request: HttpRequest, key: UUID) -> AvatarSession:
    """Return the visitor's own session. Raises Http404 for any other, so that keys cannot be probed."""
    visitor = await visitor_of(request)
    session = await AvatarSession.objects.owned_by(visitor).filter(key=key).afirst()
    if session is None:
        raise Http404("no such conversation of yours")
    return session
