"""Requests and answers of the control API: JSON for programs, forms and a page for browsers without script."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

FORM = "application/x-www-form-urlencoded"
LONGEST_BODY = 64 * 1024


class Wrong(Exception):
    """The console refuses a request. `problems` holds sentences for its sender."""

    def __init__(self, status: int, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.status = status
        self.problems = problems


def wants_page(request: web.Request) -> bool:
    """Tell whether a browser will show the answer as a page."""
    return "text/html" in request.headers.get("Accept", "")


async def members(request: web.Request) -> dict[str, object]:
    """Return the members of a JSON object, or the non-empty fields of a form. Raises Wrong.

    Other content types are refused, because browsers may send them across origins without a preflight. They may also
    send forms; the guard checks the Origin of those.
    """
    if not request.can_read_body:
        return {}
    if (request.content_length or 0) > LONGEST_BODY:
        raise Wrong(413, f"A request body may have at most {LONGEST_BODY} bytes")
    if request.content_type == FORM:
        return {name: value for name, value in (await request.post()).items() if value != ""}
    if request.content_type != "application/json":
        raise Wrong(415, f"Send application/json or {FORM}, not {request.content_type}")
    try:
        body = json.loads(await request.read())
    except ValueError as error:
        raise Wrong(422, f"The body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Wrong(422, "The body must be an object")
    return body


def done(request: web.Request, place: str, told: Mapping[str, Any], status: int = 200) -> web.Response:
    """Answer a successful action: JSON, or for a browser a redirect to section `place` of the page."""
    if wants_page(request):
        raise web.HTTPSeeOther(f"/simulator/#{place}")
    return web.json_response(told, status=status)
