"""Check the token for a customer's own LiveKit room before the avatar joins it (LITE, `livekit_config`)."""

from collections.abc import Mapping
from typing import Any

import jwt

from simulator import refusals
from simulator.session import CallersRoom


def refuse_unusable(room: CallersRoom) -> None:
    """Check that the token grants what the avatar needs. Raises Refusal (500 at start, like the real service).

    Signature and expiry are not checked here; the customer's LiveKit server does that.
    """
    try:
        claims = jwt.decode(room.token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise refusals.start_failed("livekit_client_token is not a LiveKit access token") from None
    grants = claims.get("video")
    why = _why_not(grants if isinstance(grants, Mapping) else {}, room.name)
    if why is not None:
        raise refusals.start_failed(f"livekit_client_token {why}")


def _why_not(grants: Mapping[str, Any], room: str) -> str | None:
    if grants.get("roomJoin") is not True:
        return "does not grant roomJoin"
    if grants.get("room") != room:
        return "is for another room than livekit_room"
    # Observed: without canPublishData the real service answers 500. Not every server SDK grants it by default.
    if grants.get("canPublishData") is not True:
        return "does not grant canPublishData; it must be present and true"
    for name in ("canPublish", "canSubscribe"):
        if grants.get(name, True) is not True:
            return f"does not grant {name}"
    return None
