"""The account that the endpoints work on, and the authentication of their callers."""

import hmac
from dataclasses import dataclass

from aiohttp import web

from simulator import refusals
from simulator.credits import Credits
from simulator.history import History
from simulator.memories import Memories
from simulator.session import Session
from simulator.sessions import Sessions
from simulator.tokens import SessionTokens
from simulator.vault import Vault
from simulator.voice_previews import VoicePreviews
from simulator.world import World


@dataclass(frozen=True, slots=True)
class Account:
    """The services behind the endpoints.

    `api_key` is the only accepted key; None accepts any. `strict_modes` refuses CUSTOM, the old name of LITE.
    """

    world: World
    sessions: Sessions
    memories: Memories
    history: History
    credits: Credits
    tokens: SessionTokens
    vault: Vault
    previews: VoicePreviews
    api_key: str | None = None
    strict_modes: bool = False


ACCOUNT = web.AppKey("account", Account)


def account_of(request: web.Request) -> Account:
    """Return the account without authenticating the caller."""
    return request.app[ACCOUNT]


def owned_account(request: web.Request) -> Account:
    """Return the account if the request has a valid API key. Raises Refusal (401)."""
    account = account_of(request)
    key = request.headers.get("X-API-KEY", "").strip()
    expected = account.api_key
    if not key or (expected is not None and not _same(key, expected)):
        raise refusals.wrong_api_key()
    return account


def has_bearer(request: web.Request) -> bool:
    """Tell whether the request has an Authorization header, valid or not."""
    return "Authorization" in request.headers


def bearer_session(request: web.Request) -> Session:
    """Return the session of the request's bearer token. Raises Refusal (403 with code 4003, as observed; 404)."""
    account = account_of(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    session_id = account.tokens.session_id(token.strip()) if scheme.lower() == "bearer" else None
    if session_id is None:
        raise refusals.not_authenticated()
    return account.sessions.find(session_id)


def _same(key: str, expected: str) -> bool:
    # aiohttp decodes header bytes that are not UTF-8 to surrogates.
    return hmac.compare_digest(key.encode("utf-8", "surrogateescape"), expected.encode())
