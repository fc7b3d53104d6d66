"""Server-side ids, as LiveKit clients expect them: a two-letter prefix and twelve characters."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits


def sid(prefix: str) -> str:
    """A new id: `RM` for rooms, `PA` for participants, `TR` for tracks. Clients check the prefix."""
    return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(12))}"
