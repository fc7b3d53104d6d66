"""The REST API of the LiveAvatar service over the simulated account (LiveAvatar OpenAPI, and what was observed)."""

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
    """Serve the API from `app`, whose middlewares must include `edge`.

    `rate_limit` is in requests a second, of one caller to one endpoint; 0 is none.
    """
    app[ACCOUNT] = account
    if rate_limit:
        app.middlewares.append(limiting(RateLimit(rate_limit)))
    app.add_routes(routes(ENDPOINTS))
    app.router.add_get("/previews/{art}.png", avatars.show_picture)
    app.router.add_get("/openapi.json", show_document)


async def show_document(request: web.Request) -> web.Response:
    return web.json_response(document(ENDPOINTS))
