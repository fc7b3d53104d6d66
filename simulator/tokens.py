"""Session tokens: JWTs as the real service mints them, to be shown again as bearer of start, stop and keep-alive."""

import secrets
from datetime import timedelta
from typing import Any

import jwt

from simulator.session import Session
from simulator.world import now

ALGORITHM = "HS256"
# The real lifetime is not published. A token must outlive the longest session, which it can stop.
LIFETIME = timedelta(hours=2)


class SessionTokens:
    """Mints and reads tokens with a key of its own, so that none of an earlier run is taken."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def mint(self, session: Session) -> str:
        """A token for `session`. The web SDK 0.0.18 reads `start_session_data.mode` from it to know the mode."""
        issued = now()
        claims = {
            "sub": session.id,
            "iat": issued,
            "exp": issued + LIFETIME,
            "start_session_data": _start_session_data(session),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def session_id(self, token: str) -> str | None:
        """The session a token was minted for; None when it is not ours, was changed or has expired."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM], options={"require": ["sub", "exp"]})
        except jwt.InvalidTokenError:
            return None
        return str(claims["sub"])


def _start_session_data(session: Session) -> dict[str, Any]:
    config = session.config
    return {
        "mode": config.mode,
        "is_sandbox": config.is_sandbox,
        "avatar_id": config.avatar_id,
        "voice_id": config.voice_id,
        "interactivity_type": config.interactivity_type,
    }
