"""Look up the entry that a path names."""

from collections.abc import Mapping
from typing import TypeVar

from aiohttp import web

from simulator import refusals
from simulator.refusals import Problem
from simulator.rest.fields import parse_uuid

Thing = TypeVar("Thing")


def id_in_path(request: web.Request) -> str:
    """Return the UUID in the path. Raises Refusal (422)."""
    [(name, text)] = request.match_info.items()
    key = parse_uuid(text)
    if key is None:
        raise refusals.invalid(Problem(("path", name), "Input should be a valid UUID"))
    return key


def in_path(request: web.Request, things: Mapping[str, Thing], kind: str) -> Thing:
    """Return the entry whose id is in the path. Raises Refusal: 422 for an invalid UUID, 404 for an unknown one.

    `kind` begins the error's text, such as "Avatar".
    """
    key = id_in_path(request)
    if key not in things:
        raise refusals.not_found(kind)
    return things[key]
