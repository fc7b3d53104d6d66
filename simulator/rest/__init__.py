"""The REST API of the simulated account (LiveAvatar OpenAPI, and observations of the real service)."""

from aiohttp import web

from simulator.rest import (
    avatars,
    contexts,
    embeddings,
    languages,
    llm_configurations,
    memory,
    secrets,
    sessions,
    users,
    voice_agents,
    voices,
)
from simulator.rest.account import ACCOUNT, Account
from simulator.rest.edge import edge
from simulator.rest.endpoints import Endpoint, routes
from simulator.rest.openapi import document
from simulator.rest.rate_limit import RateLimit, limiting

__all__ = ["ACCOUNT", "ENDPOINTS", "Account", "add_routes", "edge"]

ENDPOINTS: tuple[Endpoint, ...] = (
    *sessions.endpoints(),
    *avatars.endpoints(),
    *voices.endpoints(),
    *contexts.endpoints(),
    *secrets.endpoints(),
    *llm_configurations.endpoints(),
    *memory.endpoints(),
    *voice_agents.endpoints(),
    *languages.endpoints(),
    *users.endpoints(),
    *embeddings.endpoints(),
)


def add_routes(app: web.Application, account: Account, rate_limit: int = 0) -> None:
    """Add the API to `app`. The app's middlewares must include `edge`.

    `rate_limit`: requests per second from one caller to one endpoint; 0: no limit.
    """
    app[ACCOUNT] = account
    if rate_limit:
        app.middlewares.append(limiting(RateLimit(rate_limit)))
    app.add_routes(routes(ENDPOINTS))
    app.router.add_get("/previews/{art}.png", avatars.show_picture)
    app.router.add_get("/openapi.json", show_document)


async def show_document(request: web.Request) -> web.Response:
    """Serve the OpenAPI document. It needs no API key."""
    return web.json_response(document(ENDPOINTS))
