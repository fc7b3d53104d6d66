"""The table of endpoints. Routes and the OpenAPI document are built from the same entries."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.rest.paging import LARGEST_PAGE
from simulator.rest.schema import NULL, WHOLE, Schema

Method = Literal["GET", "POST", "PATCH", "DELETE"]
# key: X-API-KEY; bearer: the session's token; either: one of both, the bearer has precedence.
Auth = Literal["none", "key", "bearer", "either"]

PAGING: dict[str, Schema] = {
    "page": {**WHOLE, "minimum": 1, "default": 1},
    "page_size": {**WHOLE, "minimum": 1, "maximum": LARGEST_PAGE, "default": 20},
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`data` is the schema of the answer's `data`; None for an answer without a body.

    `required_query` names the mandatory members of `query`.
    """

    method: Method
    path: str
    handler: Handler
    summary: str
    data: Schema | None = field(default_factory=lambda: NULL)
    auth: Auth = "key"
    body: Schema | None = None
    query: dict[str, Schema] | None = None
    required_query: tuple[str, ...] = ()
    status: HTTPStatus = HTTPStatus.OK


def routes(endpoints: Iterable[Endpoint]) -> list[web.RouteDef]:
    """Return aiohttp routes. GET routes also answer HEAD."""
    makers = {"GET": web.get, "POST": web.post, "PATCH": web.patch, "DELETE": web.delete}
    return [makers[each.method](each.path, each.handler) for each in endpoints]
