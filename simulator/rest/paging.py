"""Lists in pages of `count`, `next`, `previous` and `results` (LiveAvatar OpenAPI)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from simulator.rest.fields import Fields

Item = TypeVar("Item")
LARGEST_PAGE = 100


class Query(Fields):
    """The query of a request, read like a body."""

    def __init__(self, request: web.Request) -> None:
        super().__init__(dict(request.query), ("query",))

    def whole(
        self, name: str, default: int | None = None, low: int | None = None, high: int | None = None
    ) -> int | None:
        """A whole number from `low` to `high`."""
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
        return Page(self.whole("page", 1, low=1) or 1, self.whole("page_size", 20, 1, LARGEST_PAGE) or 20)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted; the first page is number 1."""

    number: int
    size: int

    @property
    def start(self) -> int:
        return (self.number - 1) * self.size

    def answer(self, request: web.Request, count: int, results: Iterable[Any]) -> dict[str, Any]:
        """The page with links to its neighbours, of a list of `count`; a page after the last is empty."""
        return {
            "count": count,
            "next": _link(request, self.number + 1) if self.start + self.size < count else None,
            "previous": _link(request, self.number - 1) if self.number > 1 else None,
            "results": list(results),
        }


def page(
    request: web.Request, items: Sequence[Item], entry: Callable[[Item], dict[str, Any]]
) -> dict[str, Any]:
    """The page of `items` the query asks for, each as `entry(item)`. Raises Refusal (422)."""
    query = Query(request)
    wanted = query.page()
    query.check()
    part = items[wanted.start : wanted.start + wanted.size]
    return wanted.answer(request, len(items), map(entry, part))


def _link(request: web.Request, number: int) -> str:
    return str(request.url.update_query(page=number))
