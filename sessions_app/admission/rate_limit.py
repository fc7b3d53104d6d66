"""The rate limit on starts, which cost money."""

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

WINDOW = 60  # seconds


async def may_start(request: HttpRequest) -> bool:
    """Count one start for the request's address; False once the address exceeds STARTS_PER_MINUTE."""
    key = f"starts:{request.META.get('REMOTE_ADDR', '')}"
    await cache.aadd(key, 0, WINDOW)
    try:
        count: int = await cache.aincr(key)
    except ValueError:  # the window ended between the two calls
        return True
    return count <= settings.STARTS_PER_MINUTE
