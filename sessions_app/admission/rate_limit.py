"""How often an address may start what costs money."""

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

WINDOW = 60  # seconds


async def may_start(request: HttpRequest) -> bool:
    """Count one start for the address of the request; False once it made too many within a minute."""
    key = f"starts:{request.META.get('REMOTE_ADDR', '')}"
    await cache.aadd(key, 0, WINDOW)
    try:
        count: int = await cache.aincr(key)
    except ValueError:  # the window ended between the two calls
        return True
    return count <= settings.STARTS_PER_MINUTE
