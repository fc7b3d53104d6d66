"""What a start returns, and the two things both modes ask: whether to go on, and to stop at the vendor."""

import logging
from dataclasses import dataclass

from liveavatar import EndReason as VendorEndReason
from liveavatar import LiveAvatarError
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


async def require_open(session: AvatarSession) -> None:
    """Read the row's state again. Raises EndedMeanwhile."""
    await session.arefresh_from_db(fields=["state"])
    if not session.is_open:
        raise EndedMeanwhile


async def stop_at_vendor(session: AvatarSession) -> bool:
    """Stop the session at the vendor; False if the vendor could not be asked."""
    reason = VendorEndReason(reason_for_vendor(EndReason(session.end_reason or EndReason.UNKNOWN)))
    try:
        await liveavatar().stop_session(session_id=session.remote_id, reason=reason)
    except LiveAvatarError as error:
        logger.warning("session %s: the vendor did not stop it: %s", session.key, error)
        return False
    return True
