"""The event log over HTTP: past entries as JSON, new ones by long polling or server-sent events."""

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from simulator.console.answers import Wrong
from simulator.console.log_rows import row
from simulator.console.state import CONSOLE
from simulator.event_log import Entry

# Between comments in a silent stream. Writing is the only way to notice that a reader is gone.
HEARTBEAT_S = 15.0
LONGEST_WAIT_S = 60.0
PAUSE_S = 0.1  # between two writes of a stream, so that the entries of a burst are sent together


def routes() -> Iterable[web.RouteDef]:
    return web.get("/events", show), web.get("/events/stream", stream)


async def show(request: web.Request) -> web.Response:
    """Return the entries after `since`, only those of `session_id` if given.

    `wait`: seconds to wait for an entry if there is none yet, at most 60.
    """
    log = request.config_dict[CONSOLE].log
    since = _whole(request, "since")
    session_id = request.query.get("session_id")
    try:
        async with asyncio.timeout(min(LONGEST_WAIT_S, _whole(request, "wait"))):
            seen = since
            while not (found := log.since(since, session_id)) and not log.closed:
                seen = max(seen, log.last)
                await log.beyond(seen)
    except TimeoutError:
        found = []
    last = found[-1].number if found else max(since, log.last)
    return web.json_response({"events": [told(entry) for entry in found], "last": last})


async def stream(request: web.Request) -> web.StreamResponse:
    """Send the entries after `since` (or Last-Event-ID) as server-sent events: JSON, or the page's rows with `as=html`.

    TCP slows the stream down to its reader. The log does not wait, so a slow reader may miss entries.
    """
    log = request.config_dict[CONSOLE].log
    as_html = request.query.get("as") == "html"
    resumed = request.headers.get("Last-Event-ID", "")
    number = int(resumed) if resumed.isdecimal() else _whole(request, "since")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    try:
        await response.write(b"retry: 1000\n\n")
        while not log.closed:
            found = log.since(number)
            if found:
                number = found[-1].number
                await response.write("".join(_sent(entry, as_html) for entry in found).encode())
                await asyncio.sleep(PAUSE_S)
            else:
                await _news_or_heartbeat(response, log.beyond(number))
    except ConnectionError:
        pass  # the reader is gone
    return response


def told(entry: Entry) -> dict[str, Any]:
    """Return an entry as a JSON object."""
    return asdict(entry)


async def _news_or_heartbeat(response: web.StreamResponse, news: Any) -> None:
    try:
        async with asyncio.timeout(HEARTBEAT_S):
            await news
    except TimeoutError:
        await response.write(b": still here\n\n")


def _sent(entry: Entry, as_html: bool) -> str:
    data = row(entry) if as_html else json.dumps(told(entry))
    # A carriage return also ends a line. Without this split a client's text could add fields to the stream.
    lines = "".join(f"data: {line}\n" for line in re.split(r"\r\n|\r|\n", data))
    return f"id: {entry.number}\n{lines}\n"


def _whole(request: web.Request, name: str) -> int:
    text = request.query.get(name, "0")
    if not text.isascii() or not text.isdecimal():
        raise Wrong(422, f"{name} must be a whole number, not {text!r}")
    return int(text)
