"""The console: a page and a JSON API to watch the simulator and to inject faults. The real service has neither."""

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.console import api, page, stream
from simulator.console.answers import Wrong, wants_page
from simulator.console.guard import HEADERS, local_only
from simulator.console.state import CONSOLE, Console

__all__ = ["Console", "add_console"]

HOME = "/simulator/"


def add_console(app: web.Application, console: Console) -> None:
    """Serve the console under `/simulator/` and redirect `/` to it."""
    app[CONSOLE] = console
    side = web.Application(middlewares=[_in_words, local_only])
    side.add_routes([*page.routes(), *api.routes(), *stream.routes()])
    app.router.add_get("/", _to_the_page)
    app.router.add_get("/simulator", _to_the_page)
    app.add_subapp(HOME, side)


async def _to_the_page(_request: web.Request) -> web.Response:
    raise web.HTTPFound(HOME)


@web.middleware
async def _in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into JSON, or into a notice on the page for a browser that sent a form."""
    try:
        return await handler(request)
    except web.HTTPClientError as error:
        wrong = Wrong(error.status, f"{error.reason}: {request.method} {request.path}")
    except Wrong as refused:
        wrong = refused
    if request.method == "POST" and wrong.status != 403 and wants_page(request):
        response = await page.page(request, wrong.problems, wrong.status)
    else:
        told = {"error": str(wrong), "problems": wrong.problems}
        response = web.json_response(told, status=wrong.status)
    response.headers.update(HEADERS)
    return response
