"""Rate limiting (LiveAvatar docs, core concepts, rate limits).

Requests are counted per caller and endpoint in fixed windows of one second. The caller is the Authorization header,
else the API key, else the address. The endpoint is the path's template, so different ids share one count.
"""

import time
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from simulator import refusals

WINDOW_S = 1
# The headers that `edge` adds to every answer of a limited endpoint.
HEADERS = web.RequestKey("rate_limit_headers", dict[str, str])


class RateLimit:
    """Counts requests. Each caller may send `most` per window to one endpoint."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._window = 0
        self._counts: dict[tuple[str, str], int] = {}

    def left(self, caller: str, endpoint: str) -> int:
        """Count a request. Return how many more the window allows; negative: this one exceeds the limit."""
        window = int(self._clock() / WINDOW_S)
        if window != self._window:
            self._window = window
            self._counts.clear()
        count = self._counts.get((caller, endpoint), 0) + 1
        self._counts[caller, endpoint] = count
        return self.most - count


def limiting(limit: RateLimit) -> Middleware:
    """Return the middleware that refuses requests beyond the limit with 429."""

    @web.middleware
    async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        if resource is None or not resource.canonical.startswith(("/v1/", "/v2/")):
            return await handler(request)
        left = limit.left(_caller(request), f"{request.method} {resource.canonical}")
        request[HEADERS] = {
            "X-RateLimit-Limit": str(limit.most),
            "X-RateLimit-Remaining": str(max(0, left)),
            # Whole seconds until the window ends, rounded up.
            "X-RateLimit-Reset": str(WINDOW_S),
        }
        if left < 0:
            request[HEADERS]["Retry-After"] = str(WINDOW_S)
            raise refusals.too_many_requests(limit.most)
        return await handler(request)

    return limited


def _caller(request: web.Request) -> str:
    """Return the caller's credential or address.

    Clients send both credentials to session endpoints only. There the token counts, because it names the session.
    """
    headers = request.headers
    return headers.get("Authorization") or headers.get("X-API-KEY") or request.remote or ""
