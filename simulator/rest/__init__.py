"""The REST API of the LiveAvatar service over the simulated account (LiveAvatar OpenAPI, and what was observed)."""

from aiohttp import web

from simulator.rest import catalogue, contexts, sessions
from simulator.rest.account import ACCOUNT, Account
from simulator.rest.edge import edge

__all__ = ["ACCOUNT", "Account", "add_routes", "edge"]


def add_routes(app: web.Application, account: Account) -> None:
    """Serve the API from `app`, whose middlewares must include `edge`."""
    app[ACCOUNT] = account
    app.add_routes([*sessions.routes(), *catalogue.routes(), *contexts.routes()])
