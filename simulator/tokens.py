"""Session tokens: JWTs like the real service's. Clients send them as bearer of start, stop and keep-alive."""

import secrets
from datetime import timedelta
from typing import Any

import jwt

from simulator.session import Session
from simulator.store import Store, StoreUnusable
from simulator.vault import Vault, WrongKey
from simulator.world import now

ALGORITHM = "HS256"
# The real lifetime is not published. A token must outlive its session, because it authorises the stop.
LIFETIME = timedelta(hours=2)


def signing_key(store: Store, vault: Vault) -> bytes:
    """Return the key that signs the account's session tokens; create and store it on the first use.

    The key is stored so that tokens stay valid after a restart. Raises StoreUnusable when the store was written with
    another vault.
    """
    sealed = store.value("signing_key")
    if sealed is None:
        key = secrets.token_hex(32)
        store.keep_value("signing_key", vault.seal(key))
        return key.encode()
    try:
        return vault.open(sealed).encode()
    except WrongKey:
        raise StoreUnusable(
            "SIMULATOR_DATA: the file was written with another key; set the same SIMULATOR_SECRET_KEY as before, or "
            "put its .key file back beside it"
        ) from None


class SessionTokens:
    """Mints and verifies tokens, signed with `key`."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mint(self, session: Session) -> str:
        """Return a token for `session`. Web SDK 0.0.18 reads the mode from its `start_session_data.mode`."""
        issued = now()
        claims = {
            "sub": session.id,
            "iat": issued,
            "exp": issued + LIFETIME,
            "start_session_data": _start_session_data(session),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def session_id(self, token: str) -> str | None:
        """Return the id of the token's session; None for a foreign, changed or expired token."""
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
