"""Errors of a start or of the lobby, in words that tell a visitor what to do."""

from dataclasses import dataclass

from django.conf import settings

from liveavatar import (
    AuthRejected,
    ConcurrencyReached,
    NoCredits,
    NotFound,
    RateLimited,
    TimedOut,
    Unreachable,
    ValidationRejected,
)
from sessions_app.custom.dispatch import NoAgentAvailable
from sessions_app.custom.livekit_server import LiveKitUnavailable
from sessions_app.lifecycle.custom import RoomNotReachable


@dataclass(frozen=True, slots=True)
class UserFacingError:
    """An error as a visitor sees it: a code for scripts, a sentence, and whether trying again may help."""

    code: str
    message: str
    retry: bool


def describe_error(error: Exception) -> UserFacingError:
    """Return what a visitor reads about an error. The vendor's own words go only to the log and the admin."""
    match error:
        case NoAgentAvailable():
            return UserFacingError(
                "agent.none", "No assistant is free right now. Please try again in a moment.", retry=True
            )
        case LiveKitUnavailable():
            return UserFacingError(
                "livekit.unavailable",
                "The site's room server cannot be reached. Please try again.",
                retry=True,
            )
        case RoomNotReachable():
            return UserFacingError(
                "livekit.loopback",
                "The avatar cannot join a room on this site's own machine. Its operator has to set LIVEKIT_URL to a "
                "LiveKit server that can be reached from the internet, or offer the service's rooms only.",
                retry=False,
            )
        case Unreachable(broke=False) if settings.SIMULATED:
            return UserFacingError(
                "service.unreachable",
                "The simulated avatar service is not running. Start everything with: make demo",
                retry=True,
            )
        case Unreachable():
            return UserFacingError(
                "service.unreachable",
                "The avatar service cannot be reached right now. Please try again.",
                True,
            )
        case TimedOut():
            return UserFacingError(
                "service.timed_out", "The avatar service did not answer in time. Please try again.", True
            )
        case NoCredits():
            return UserFacingError(
                "service.no_credits", "This site has no credits left with the avatar service.", False
            )
        case ConcurrencyReached():
            return UserFacingError(
                "service.busy", "All avatars are talking right now. Please try again in a few minutes.", True
            )
        case RateLimited():
            return UserFacingError(
                "service.rate_limited", "The avatar service is busy. Please try again in a moment.", True
            )
        case AuthRejected():
            return UserFacingError(
                "service.key",
                "The avatar service does not accept this site's key. Its operator has to set LIVEAVATAR_API_KEY.",
                False,
            )
        case ValidationRejected() | NotFound():
            return UserFacingError(
                "service.choice",
                "The avatar service does not offer this combination. Please choose another avatar, voice or context.",
                False,
            )
        case _:
            return UserFacingError(
                "service.fault", "The avatar service had a problem. Please try again in a moment.", True
            )
