"""Access to the console: only from this machine, and from no web page but its own."""

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.console.answers import Wrong
from simulator.console.state import CONSOLE

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@web.middleware
async def local_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse other machines, foreign host names (DNS rebinding) and other web pages (CSRF)."""
    if not _is_from_here(request):
        raise Wrong(403, "The console accepts requests from its own machine only")
    if not _is_local_name(request):
        raise Wrong(
            403, f"{request.host!r} is not the console's address: open the one that the simulator printed"
        )
    if not _is_own_page(request):
        raise Wrong(403, "The console accepts no requests from other web pages")
    response = await handler(request)
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


def _is_from_here(request: web.Request) -> bool:
    """Tell whether the caller is on this machine: its address is loopback, or the same as the address it called."""
    peer = _address(request.remote)
    if peer is None or request.transport is None:
        return False
    called = request.transport.get_extra_info("sockname")
    return peer.is_loopback or (called is not None and peer == _address(called[0]))


def _is_local_name(request: web.Request) -> bool:
    name = urlsplit(f"//{request.host}").hostname
    address = _address(name)
    own = urlsplit(request.config_dict[CONSOLE].addresses.api_url).hostname
    return name in ("localhost", own) or (address is not None and address.is_loopback)


def _is_own_page(request: web.Request) -> bool:
    """Tell whether the request comes from the console's own page, or from a program that is not a browser.

    Browsers name the origin of a request in Origin or Sec-Fetch-Site.
    """
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        return False
    if request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
        return True
    return request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"


def _address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
