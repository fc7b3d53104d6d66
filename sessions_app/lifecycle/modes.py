"""The two modes behind one interface. What differs between them is asked here, once."""

from typing import Protocol

from liveavatar import CustomSession, FullSession, SessionToken
from sessions_app.lifecycle.at_vendor import RoomAccess
from sessions_app.lifecycle.custom import CustomMode
from sessions_app.lifecycle.full import FullMode
from sessions_app.models import AvatarSession


class SessionMode(Protocol):
    """What a start and an end do differently in each mode."""

    async def prepare(self, session: AvatarSession) -> FullSession | CustomSession:
        """Make what the session needs before the vendor knows of it, and return the request for its token."""

    async def start(self, session: AvatarSession, token: SessionToken) -> RoomAccess | None:
        """Start the session at the vendor and return the visitor's access to its room.

        None if the page starts the session itself. Raises EndedMeanwhile when the session was ended during the start.
        """

    async def release(self, session: AvatarSession) -> bool:
        """Remove what the session holds at the vendor and in our LiveKit; False unless all of it is gone."""


def mode_of(session: AvatarSession) -> SessionMode:
    """Return the mode in which the session runs."""
    return CustomMode() if session.is_custom else FullMode()
