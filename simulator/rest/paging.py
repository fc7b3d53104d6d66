"""Paged lists with `count`, `next`, `previous` and `results` (LiveAvatar OpenAPI)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from simulator.rest.fields import Fields

Item = TypeVar("Item")
LARGEST_PAGE = 100


class Query(Fields):
    """A reader of the query string, with the same getters as for a body."""

    def __init__(self, request: web.Request) -> None:
        super().__init__(dict(request.query), ("query",))

    def whole(
        self, name: str, default: int | None = None, low: int | None = None, high: int | None = None
    ) -> int | None:
        """Return a whole number from `low` to `high`."""
        text = self.get(name)
        if text is None:
            return default
        try:
            number = int(text)
        except ValueError:
            self.problem("Input should be a valid integer", name)
            return default
        if low is not None and number < low:
            self.problem(f"Input should be greater than or equal to {low}", name)
        if high is not None and number > high:
            self.problem(f"Input should be less than or equal to {high}", name)
        return number

    def page(self) -> "Page":
        """Return the requested page, by default the first with 20 entries. Errors are noted."""
        return Page(self.whole("page", 1, low=1) or 1, self.whole("page_size", 20, 1, LARGEST_PAGE) or 20)


@dataclass(frozen=True, slots=True)
class Page:
    """The requested page of a list. The first page is number 1."""

    number: int
    size: int

    @property
    def start(self) -> int:
        return (self.number - 1) * self.size

    def answer(self, request: web.Request, count: int, results: Iterable[Any]) -> dict[str, Any]:
        """Return the page with links to its neighbours. `count` is the length of the whole list.

        A page after the last is empty, not an error.
        """
        return {
            "count": count,
            "next": _link(request, self.number + 1) if self.start + self.size < count else None,
            "previous": _link(request, self.number - 1) if self.number > 1 else None,
            "results": list(results),
        }


def page(
    request: web.Request, items: Sequence[Item], entry: Callable[[Item], dict[str, Any]]
) -> dict[str, Any]:
    """Return the requested page of `items`, each item as `entry(item)`. Raises Refusal (422)."""
    query = Query(request)
    wanted = query.page()
    query.check()
    part = items[wanted.start : wanted.start + wanted.size]
    return wanted.answer(request, len(items), map(entry, part))


def _link(request: web.Request, number: int) -> str:
    return str(request.url.update_query(page=number))
