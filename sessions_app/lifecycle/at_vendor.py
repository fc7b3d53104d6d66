"""The vendor's side of a start and an end, the same in both modes: token, start, stop."""

import logging
from dataclasses import dataclass

from liveavatar import CustomSession, FullSession, LiveAvatarError, SessionToken, StartedSession
from liveavatar import EndReason as VendorEndReason
from sessions_app.clients import liveavatar
from sessions_app.end_reasons import EndReason, reason_for_vendor
from sessions_app.models import AvatarSession

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RoomAccess:
    """The visitor's way into the session's room. `max_duration` in seconds; None if the vendor named none."""

    url: str
    token: str
    max_duration: int | None


class EndedMeanwhile(Exception):
    """The session was ended while it was being started."""


async def mint_token(session: AvatarSession, request: FullSession | CustomSession) -> SessionToken:
    """Create the session at the vendor, and keep its id before anything is started.

    Raises EndedMeanwhile or LiveAvatarError.
    """
    token = await liveavatar().create_session_token(request)
    session.remote_id = token.session_id
    await session.asave(update_fields=["remote_id"])
    await _require_open(session)
    return token


async def start_at_vendor(session: AvatarSession, token: SessionToken) -> StartedSession:
    """Start the session, which is billed from now on. Raises EndedMeanwhile or LiveAvatarError."""
    await _require_open(session)
    return await liveavatar().start_session(token)


async def stop_at_vendor(session: AvatarSession) -> bool:
    """Stop the session at the vendor; False if the vendor could not be asked."""
    reason = VendorEndReason(reason_for_vendor(EndReason(session.end_reason or EndReason.UNKNOWN)))
    try:
        await liveavatar().stop_session(session_id=session.remote_id, reason=reason)
    except LiveAvatarError as error:
        logger.warning("session %s: the vendor did not stop it: %s", session.key, error)
        return False
    return True


async def _require_open(session: AvatarSession) -> None:
    await session.arefresh_from_db(fields=["state"])
    if not session.is_open:
        raise EndedMeanwhile
