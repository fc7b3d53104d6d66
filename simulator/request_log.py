"""Calls of the REST API, as the event log tells of them: no bodies, no headers, so no secrets."""

import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from simulator.event_log import EventLog
from simulator.tokens import SessionTokens

FAULT = web.RequestKey("fault", str)  # the one that befell the request
LONGEST_PATH = 120  # characters of a path that is no route of ours


def logging_requests(log: EventLog, tokens: SessionTokens) -> Middleware:
    """Record every call of `/v1` and `/v2`: method, route, status, and milliseconds it took."""

    @web.middleware
    async def logged(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(("/v1/", "/v2/")) or request.method == "OPTIONS":
            return await handler(request)
        begun = time.monotonic()
        status: int | None = None
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            message: dict[str, int | str | None] = {
                "status": status,
                "ms": round((time.monotonic() - begun) * 1000),
            }
            if FAULT in request:
                message["fault"] = request[FAULT]
            session_id = _session_id(request, tokens)
            log.record(session_id, "in", "rest", f"{request.method} {_route(request)}", message)

    return logged


def _route(request: web.Request) -> str:
    """The path with its parameters' names: ids and secrets in it stay out."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else request.path[:LONGEST_PATH]


def _session_id(request: web.Request, tokens: SessionTokens) -> str | None:
    """The session the call was about, as far as its path or its bearer tells."""
    if "session_id" in request.match_info:
        return request.match_info["session_id"]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return tokens.session_id(token.strip()) if scheme.lower() == "bearer" else None
