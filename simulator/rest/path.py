"""The thing a path names."""

from collections.abc import Mapping
from typing import TypeVar

from aiohttp import web

from simulator import refusals
from simulator.refusals import Problem
from simulator.rest.fields import parse_uuid

Thing = TypeVar("Thing")


def id_in_path(request: web.Request) -> str:
    """The UUID in the path. Raises Refusal (422)."""
    [(name, text)] = request.match_info.items()
    key = parse_uuid(text)
    if key is None:
        raise refusals.invalid(Problem(("path", name), "Input should be a valid UUID"))
    return key


def in_path(request: web.Request, things: Mapping[str, Thing], kind: str) -> Thing:
    """The thing whose id is in the path. Raises Refusal (422 for no UUID, 404 for an unknown one)."""
    key = id_in_path(request)
    if key not in things:
        raise refusals.not_found(kind)
    return things[key]
