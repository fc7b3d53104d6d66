"""What is asked of a caller's own LiveKit room before the avatar is sent there (LITE, livekit_config)."""

from collections.abc import Mapping
from typing import Any

import jwt

from simulator import refusals
from simulator.session import CallersRoom


def refuse_unusable(room: CallersRoom) -> None:
    """Raises Refusal (500 at start, as the real service does) for a token the avatar could do nothing with.

    Who signed it, and whether it has expired, is for the caller's server to judge.
    """
    try:
        claims = jwt.decode(room.token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise refusals.start_failed("livekit_client_token is no LiveKit access token") from None
    grants = claims.get("video")
    why = _why_not(grants if isinstance(grants, Mapping) else {}, room.name)
    if why is not None:
        raise refusals.start_failed(f"livekit_client_token {why}")


def _why_not(grants: Mapping[str, Any], room: str) -> str | None:
    if grants.get("roomJoin") is not True:
        return "does not grant roomJoin"
    if grants.get("room") != room:
        return "is for another room than livekit_room names"
    # Seen at the real service: without this one, which not every server SDK grants by itself, it answers 500.
    if grants.get("canPublishData") is not True:
        return "does not grant canPublishData; it must be there and true"
    for name in ("canPublish", "canSubscribe"):
        if grants.get(name, True) is not True:
            return f"does not grant {name}"
    return None
