"""One start, from the row to the vendor: the row moves on first, then the mode's own steps, then the outcome."""

from django.utils import timezone

from liveavatar import LiveAvatarError
from sessions_app.custom.dispatch import NoAgentAvailable
from sessions_app.custom.livekit_server import LiveKitUnavailable
from sessions_app.lifecycle.at_vendor import EndedMeanwhile, RoomAccess, mint_token
from sessions_app.lifecycle.custom import RoomNotReachable
from sessions_app.lifecycle.modes import mode_of
from sessions_app.lifecycle.outcome import CANCELLED, StartRefused, write_outcome
from sessions_app.models import AvatarSession
from sessions_app.states import IllegalTransition, Signal, State


async def attempt_start(session: AvatarSession) -> AvatarSession:
    """Start the session, or return it as it is if it runs already. Raises StartRefused."""
    await session.arefresh_from_db()
    if session.state == State.LIVE or session.session_token:
        return session
    try:
        await session.aadvance(Signal.START, page_seen_at=timezone.now())
    except IllegalTransition:
        raise StartRefused(CANCELLED) from None
    mode = mode_of(session)
    outcome: RoomAccess | Exception | None
    try:
        token = await mint_token(session, await mode.prepare(session))
        outcome = await mode.start(session, token)
    except (LiveAvatarError, LiveKitUnavailable, NoAgentAvailable, RoomNotReachable, EndedMeanwhile) as error:
        outcome = error
    if outcome is not None:
        await write_outcome(session, outcome)
    return session
