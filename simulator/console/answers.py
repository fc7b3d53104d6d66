"""What the control API takes and gives: JSON for programs, and forms and a page for browsers without script."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

FORM = "application/x-www-form-urlencoded"
LONGEST_BODY = 64 * 1024


class Wrong(Exception):
    """A request the console does not do; `problems` are sentences for whoever sent it."""

    def __init__(self, status: int, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.status = status
        self.problems = problems


def wants_page(request: web.Request) -> bool:
    """A browser that shows the answer itself."""
    return "text/html" in request.headers.get("Accept", "")


async def members(request: web.Request) -> dict[str, object]:
    """The members of a JSON object, or the fields of a form, empty ones left out. Raises Wrong.

    No other content type is read: what browsers send across origins without asking first is not among them,
    forms excepted, and those carry an Origin.
    """
    if not request.can_read_body:
        return {}
    if (request.content_length or 0) > LONGEST_BODY:
        raise Wrong(413, f"A request may have {LONGEST_BODY} bytes")
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
    """The answer to what was done: JSON, or for a browser the way back to the page's section `place`."""
    if wants_page(request):
        raise web.HTTPSeeOther(f"/simulator/#{place}")
    return web.json_response(told, status=status)
