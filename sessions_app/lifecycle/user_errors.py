"""Errors of the service, in words that tell a visitor what to do."""

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
from sessions_app.custom.lease import NoAgent
from sessions_app.custom.own_rooms import LiveKitUnavailable
from sessions_app.lifecycle.custom import RoomNotReachable


@dataclass(frozen=True, slots=True)
class Trouble:
    """`code` for machines, `message` for people, `retry` whether trying again may help."""

    code: str
    message: str
    retry: bool


def explain(error: Exception) -> Trouble:
    """What a visitor reads about an error. The vendor's own words go to the log and the admin only."""
    match error:
        case NoAgent():
            return Trouble(
                "agent.none", "No assistant is free right now. Please try again in a moment.", retry=True
            )
        case LiveKitUnavailable():
            return Trouble(
                "livekit.unavailable",
                "The site's room server cannot be reached. Please try again.",
                retry=True,
            )
        case RoomNotReachable():
            return Trouble(
                "livekit.loopback",
                "The avatar cannot join a room on this site's own machine. Its operator has to set LIVEKIT_URL to a "
                "LiveKit server that can be reached from the internet, or offer the service's rooms only.",
                retry=False,
            )
        case Unreachable(broke=False) if settings.SIMULATED:
            return Trouble(
                "service.unreachable",
                "The practice service is not running. Whoever runs this site can start everything with: make demo",
                retry=True,
            )
        case Unreachable():
            return Trouble(
                "service.unreachable",
                "The avatar service cannot be reached right now. Please try again.",
                True,
            )
        case TimedOut():
            return Trouble(
                "service.timed_out", "The avatar service did not answer in time. Please try again.", True
            )
        case NoCredits():
            return Trouble(
                "service.no_credits", "This site has no credits left with the avatar service.", False
            )
        case ConcurrencyReached():
            return Trouble(
                "service.busy", "All avatars are talking right now. Please try again in a few minutes.", True
            )
        case RateLimited():
            return Trouble(
                "service.rate_limited", "The avatar service is busy. Please try again in a moment.", True
            )
        case AuthRejected():
            return Trouble(
                "service.key",
                "The avatar service does not accept this site's key. Its operator has to set LIVEAVATAR_API_KEY.",
                False,
            )
        case ValidationRejected() | NotFound():
            return Trouble(
                "service.choice",
                "The avatar service does not offer this combination. Please choose another avatar, voice or context.",
                False,
            )
        case _:
            return Trouble(
                "service.fault", "The avatar service had a problem. Please try again in a moment.", True
            )
