"""Server-side ids in the form that LiveKit clients expect: a two-letter prefix and twelve characters."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits


def sid(prefix: str) -> str:
    """Return a new id. Clients check the prefix: `RM` for rooms, `PA` for participants, `TR` for tracks."""
    return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(12))}"
