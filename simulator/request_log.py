"""Record REST calls in the event log, without bodies, headers and ids in paths: they may hold secrets."""

import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from simulator.event_log import EventLog
from simulator.tokens import SessionTokens

FAULT = web.RequestKey("fault", str)  # name of the fault that was applied to the request
LONGEST_PATH = 120  # characters that are logged of a path without a route


def logging_requests(log: EventLog, tokens: SessionTokens) -> Middleware:
    """Record every call of `/v1` and `/v2`: method, route, status and duration in milliseconds."""

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
    """Return the route, with the names of path parameters in place of their values."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else request.path[:LONGEST_PATH]


def _session_id(request: web.Request, tokens: SessionTokens) -> str | None:
    """Return the id of the session that the path or the bearer token names, None without one."""
    if "session_id" in request.match_info:
        return request.match_info["session_id"]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return tokens.session_id(token.strip()) if scheme.lower() == "bearer" else None
