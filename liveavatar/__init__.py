"""An asynchronous, typed client of HeyGen LiveAvatar's REST API. It uses httpx and no web framework.

async with LiveAvatar(api_key) as liveavatar:
    token = await liveavatar.create_session_token(FullSession(avatar_id=...))
    session = await liveavatar.start_session(token)
"""

from liveavatar.client import LiveAvatar
from liveavatar.errors import (
    AuthRejected,
    ConcurrencyReached,
    Garbled,
    LiveAvatarError,
    NoCredits,
    NotFound,
    RateLimited,
    Rejected,
    ServerFault,
    TimedOut,
    Unreachable,
    ValidationRejected,
)
from liveavatar.resources import Avatar, Context, ContextName, Language, Link, Voice, VoiceName
from liveavatar.session_answers import (
    SessionSummary,
    SessionToken,
    StartedSession,
    Transcript,
    TranscriptLine,
)
from liveavatar.session_requests import (
    CustomSession,
    Encoding,
    EndReason,
    FullSession,
    Interactivity,
    Mode,
    OwnRoom,
    Quality,
)

__all__ = [
    "AuthRejected",
    "Avatar",
    "ConcurrencyReached",
    "Context",
    "ContextName",
    "CustomSession",
    "Encoding",
    "EndReason",
    "FullSession",
    "Garbled",
    "Interactivity",
    "Language",
    "Link",
    "LiveAvatar",
    "LiveAvatarError",
    "Mode",
    "NoCredits",
    "NotFound",
    "OwnRoom",
    "Quality",
    "RateLimited",
    "Rejected",
    "ServerFault",
    "SessionSummary",
    "SessionToken",
    "StartedSession",
    "TimedOut",
    "Transcript",
    "TranscriptLine",
    "Unreachable",
    "ValidationRejected",
    "Voice",
    "VoiceName",
]
