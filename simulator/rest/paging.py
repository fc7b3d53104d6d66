"""Lists in pages of `count`, `next`, `previous` and `results` (LiveAvatar OpenAPI)."""

from collections.abc import Sequence
from typing import Any, TypeVar

from aiohttp import web

from simulator import refusals

Item = TypeVar("Item")
LARGEST_PAGE = 100


def page(request: web.Request, items: Sequence[Item], entry: Any) -> dict[str, Any]:
    """The page the query asks for, each item as `entry(item)`; a page after the last is empty.

    Raises Refusal (422) for numbers out of range.
    """
    number = query_int(request, "page", 1, low=1) or 1
    size = query_int(request, "page_size", 20, low=1, high=LARGEST_PAGE) or 20
    start = (number - 1) * size
    return {
        "count": len(items),
        "next": _link(request, number + 1) if start + size < len(items) else None,
        "previous": _link(request, number - 1) if number > 1 else None,
        "results": [entry(item) for item in items[start : start + size]],
    }


def query_int(
    request: web.Request, name: str, default: int | None, low: int | None = None, high: int | None = None
) -> int | None:
    """A whole number of the query. Raises Refusal (422)."""
    text = request.query.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        raise refusals.invalid(f"query.{name}: Input should be a valid integer") from None
    if low is not None and number < low:
        raise refusals.invalid(f"query.{name}: Input should be greater than or equal to {low}")
    if high is not None and number > high:
        raise refusals.invalid(f"query.{name}: Input should be less than or equal to {high}")
    return number


def _link(request: web.Request, number: int) -> str:
    return str(request.url.update_query(page=number))
