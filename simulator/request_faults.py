"""Apply the active request faults to calls of the session endpoints."""

import asyncio
import contextlib
import json
import socket
import struct
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from simulator import refusals
from simulator.refusals import Refusal
from simulator.request_log import FAULT
from simulator.switches import Switch, Switches

ENDPOINTS = {f"/v1/sessions/{name}": name for name in ("token", "start", "stop", "keep-alive")}
LONGEST_HANG = 600.0  # seconds; longer than any client waits
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: closing sends RST
PROXY_PAGE = """<!DOCTYPE html>
<html lang="en-US"><head><title>api.liveavatar.com | 502: Bad gateway</title></head>
<body><h1>Bad gateway <span>Error code 502</span></h1><p>The web server reported a bad gateway error.</p></body></html>
"""
GARBAGE = "\x1f\u2028<<<<<<< not the answer you are looking for"
BEGINNING = b'{"code": 1000, "message": "success", "data": {"session_id": "'
WORDS = {
    "400": (refusals.BAD_STATE, "Bad request"),
    "401": (refusals.NO_SUCH_KEY, "Invalid API key. Send a valid one in the X-API-KEY header."),
    "403/4003": (refusals.NOT_AUTHENTICATED, "Not authenticated"),
    "403/4032": (refusals.TOO_MANY_SESSIONS, "Session concurrency limit reached (0). Stop another first."),
    "403/4033": (refusals.NO_CREDITS, "Not enough credits for this session"),
    "404": (refusals.NOT_FOUND, "Session not found"),
    "429": (refusals.TOO_MANY_REQUESTS, "Too many requests. Try again later."),
    "500": (refusals.FAILED, "Internal server error"),
    "502": (5002, "Bad gateway"),
    "503": (refusals.CLOSING, "Service unavailable"),
}


def failing_requests(switches: Switches) -> Middleware:
    """Return the middleware that applies request faults. It must run inside the middleware that adds CORS headers."""

    @web.middleware
    async def failing(request: web.Request, handler: Handler) -> web.StreamResponse:
        endpoint = ENDPOINTS.get(request.path)
        if endpoint is None or request.method == "OPTIONS":
            return await handler(request)
        fatal: Switch | None = None
        for switch in switches.for_request(endpoint):
            request[FAULT] = switch.fault.name
            if switch.fault.name == "slow":
                await asyncio.sleep(float(switch.values["seconds"]))
            else:
                fatal = switch
        if fatal is None:
            return await handler(request)
        request[FAULT] = fatal.fault.name
        return await _fail(request, handler, fatal)

    return failing


async def _fail(request: web.Request, handler: Handler, switch: Switch) -> web.StreamResponse:
    match switch.fault.name:
        case "status":
            return _refusal(str(switch.values["status"]), float(switch.values["retry_after"]))
        case "code_100":
            return _with_code(await handler(request), 100)
        case "status_200":
            return _with_status(await handler(request), HTTPStatus.OK)
    answer = await _performed(request, handler) if switch.values["performed"] == "yes" else None
    match switch.fault.name:
        case "hang":
            await asyncio.sleep(LONGEST_HANG)
            return _cut(request)
        case "html":
            return await _sent(
                request, web.Response(status=502, text=PROXY_PAGE, content_type="text/html", charset="utf-8")
            )
        case "garbage":
            return web.Response(text=GARBAGE, content_type="application/json")
        case "truncated":
            return await _half(request, answer)
        case _:
            return _cut(request)


def _refusal(status: str, retry_after: float) -> web.Response:
    if status == "422":
        raise refusals.invalid(refusals.Problem(("body",), "Input should be a valid dictionary"))
    code, message = WORDS[status]
    body = {"code": code, "data": None, "message": message}
    number = int(status.partition("/")[0])
    headers = {"Retry-After": f"{retry_after:.0f}"} if number == HTTPStatus.TOO_MANY_REQUESTS else None
    return web.json_response(body, status=number, headers=headers)


def _with_code(response: web.StreamResponse, code: int) -> web.StreamResponse:
    if isinstance(response, web.Response) and response.status < HTTPStatus.BAD_REQUEST and response.text:
        response.text = json.dumps({**json.loads(response.text), "code": code})
    return response


def _with_status(response: web.StreamResponse, status: HTTPStatus) -> web.StreamResponse:
    if response.status == HTTPStatus.CREATED:
        response.set_status(status)
    return response


async def _performed(request: web.Request, handler: Handler) -> web.StreamResponse | None:
    with contextlib.suppress(Refusal, web.HTTPException):
        return await handler(request)
    return None


async def _sent(request: web.Request, response: web.Response) -> web.Response:
    """Send the response at once, so that outer middlewares cannot add headers to it."""
    await response.prepare(request)
    await response.write_eof()
    return response


async def _half(request: web.Request, answer: web.StreamResponse | None) -> web.StreamResponse:
    whole = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else None
    told = whole[: len(whole) // 2] if whole else BEGINNING
    response = web.StreamResponse(status=answer.status if answer else 200)
    response.content_type = "application/json"
    response.content_length = 2 * len(told)
    await response.prepare(request)
    await response.write(told)
    if request.transport is not None:
        request.transport.close()
    return response


def _cut(request: web.Request) -> web.Response:
    """Reset the connection. The returned response is never sent."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        request.transport.abort()
    return web.Response()
