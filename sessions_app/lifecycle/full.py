"""FULL mode: the vendor listens, thinks and speaks, in a room of its own."""

from django.conf import settings

from liveavatar import FullSession, Interactivity, Quality, SessionToken
from sessions_app.lifecycle.at_vendor import EndedMeanwhile, RoomAccess, start_at_vendor, stop_at_vendor
from sessions_app.models import AvatarSession


class FullMode:
    async def prepare(self, session: AvatarSession) -> FullSession:
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

    async def start(self, session: AvatarSession, token: SessionToken) -> RoomAccess | None:
        if session.is_browser_managed:
            await _keep_token(session, token)
            return None
        started = await start_at_vendor(session, token)
        return RoomAccess(
            started.livekit_url or "", started.livekit_client_token or "", started.max_session_duration
        )

    async def release(self, session: AvatarSession) -> bool:
        # Without an id there is nothing to stop yet. A start that is under way must still be able to release it.
        return bool(session.remote_id) and await stop_at_vendor(session)


async def _keep_token(session: AvatarSession, token: SessionToken) -> None:
    """Keep the token for the page, which may reload. A session that is over must not keep one."""
    still_open = AvatarSession.objects.open().filter(pk=session.pk)
    if not await still_open.aupdate(session_token=token.session_token):
        raise EndedMeanwhile
    session.session_token = token.session_token
