"""The outermost middleware of the API: the service's JSON envelope on all errors, and CORS headers."""

import logging
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.refusals import FAILED, INVALID, NOT_FOUND, WRONG_METHOD, Refusal
from simulator.rest.rate_limit import HEADERS as RATE_LIMIT_HEADERS

logger = logging.getLogger(__name__)

# The only success code the web SDK 0.0.18 accepts; the OpenAPI document says 100.
SUCCESS = 1000
CODES = {404: NOT_FOUND, 405: WRONG_METHOD, 500: FAILED}
METHODS = "GET, POST, PATCH, DELETE, OPTIONS"
HEADERS = "authorization, content-type, x-api-key"
EXPOSED = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After"
OURS = ("/v1/", "/v2/", "/embed/", "/previews/", "/openapi.json")


def success(data: Any = None, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Return a success answer. Its `message` is never null: pipecat 1.14 requires a string."""
    return web.json_response({"code": SUCCESS, "data": data, "message": "success"}, status=status)


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn exceptions into JSON envelopes and add CORS headers. Leave the routes of rooms and console alone."""
    if not _is_ours(request):
        return await handler(request)
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return _readable(request, web.Response(status=HTTPStatus.NO_CONTENT))
    try:
        response = await handler(request)
    except Refusal as refusal:
        response = _refused(refusal)
    except web.HTTPException as error:
        elsewhere = await _without_slash(request) if error.status == HTTPStatus.NOT_FOUND else None
        response = elsewhere or _failed(error.status, f"{error.reason}: {request.method} {request.path}")
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
    except Exception:  # the client must get JSON for an unexpected error too; the log gets the traceback
        logger.exception("%s %s failed", request.method, request.path)
        response = _failed(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error")
    return _readable(request, response)


def _is_ours(request: web.Request) -> bool:
    nobodys = request.match_info.http_exception is not None and not request.path.startswith("/simulator/")
    return nobodys or request.path.startswith(OURS)


def _refused(refusal: Refusal) -> web.Response:
    """Return the error answer.

    Validation errors are in `data`, as observed, and in FastAPI's `detail`, as documented.
    """
    body: dict[str, Any] = {"code": refusal.code, "data": None, "message": refusal.message}
    if refusal.problems:
        body["data"] = [{"message": str(problem)} for problem in refusal.problems]
        body["detail"] = [
            {"loc": problem.where, "msg": problem.message, "type": problem.type}
            for problem in refusal.problems
        ]
    return web.json_response(body, status=refusal.status)


async def _without_slash(request: web.Request) -> web.Response | None:
    """Redirect to the path without its last slash, if that is a route. FastAPI does the same."""
    path = request.path.rstrip("/")
    if path == request.path or not path.startswith(OURS):
        return None
    there = request.rel_url.with_path(path, keep_query=True)
    found = (await request.app.router.resolve(request.clone(rel_url=there))).http_exception
    if found is not None and found.status == HTTPStatus.NOT_FOUND:
        return None
    response = _failed(HTTPStatus.TEMPORARY_REDIRECT, f"Leave out the last slash: {path}")
    response.headers["Location"] = str(there)
    return response


def _failed(status: int, message: str) -> web.Response:
    return web.json_response(
        {"code": CODES.get(status, INVALID), "data": None, "message": message}, status=status
    )


def _readable(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Add CORS headers, also to errors.

    The web SDK sends credentials. Browsers then require the exact origin, not `*`.
    """
    origin = request.headers.get("Origin")
    response.headers.update(request.get(RATE_LIMIT_HEADERS, {}))
    response.headers["Vary"] = "Origin"
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = HEADERS
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
        response.headers["Access-Control-Max-Age"] = "600"
    return response
