"""Accepts websockets only from the site's own pages."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


class SameOriginOnly:
    """Refuses a handshake whose Origin is neither the host it was sent to nor a trusted origin.

    Stricter than Channels' AllowedHostsOriginValidator, which compares host names only: another port of the same
    machine is another origin. The scheme is not compared, because a proxy in front may terminate TLS.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin1")
        host = headers.get(b"host", b"").decode("latin1")
        if _is_allowed(origin, host):
            await self.application(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4403})


def _is_allowed(origin: str, host: str) -> bool:
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    parts = urlsplit(origin)
    return (
        parts.scheme in {"http", "https"}
        and parts.netloc == host
        and validate_host(parts.hostname or "", settings.ALLOWED_HOSTS)
    )
