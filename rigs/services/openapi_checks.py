"""Every answer a test gets from the simulator must be as its own OpenAPI document says."""

import re
from datetime import datetime
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from simulator.rest import ENDPOINTS
from simulator.rest.openapi import document

URI = "urn:simulator"
ERROR = {"$ref": f"{URI}#/components/schemas/Error"}
formats = FormatChecker(["uuid"])


@formats.checks("date-time", raises=ValueError)
def is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


async def check_answer(response: httpx.Response) -> None:
    """An httpx event hook. Only what the API itself serves is looked at: rooms and pictures are not its business."""
    request = response.request
    # As it was sent: an id may hold an encoded slash.
    path = request.url.raw_path.decode().partition("?")[0]
    if not path.startswith(("/v1/", "/v2/", "/embed/")) or request.method in ("HEAD", "OPTIONS"):
        return
    await response.aread()
    if response.is_redirect:
        return
    operation = _operation(request.method.lower(), path)
    if operation is None:
        # No endpoint is there: an error like any other.
        assert response.status_code in (404, 405), f"{request.method} {path} is served but not described"
        _check(ERROR, response)
        return
    described = operation["responses"]
    status = str(response.status_code)
    found = described.get(status) or described.get(f"{status[0]}XX")
    assert found is not None, f"{request.method} {path} answers {status}, which is not described"
    if "content" not in found:
        assert response.content == b""
    else:
        _check(_absolute(found["content"]["application/json"]["schema"]), response)


def _check(schema: dict[str, Any], response: httpx.Response) -> None:
    assert response.headers["Content-Type"].startswith("application/json")
    validator = Draft202012Validator(schema, registry=_registry(), format_checker=formats)
    problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(response.json())]
    assert not problems, f"{response.request.method} {response.request.url.path}: {problems}"


@cache
def _document() -> dict[str, Any]:
    return document(ENDPOINTS)


@cache
def _registry() -> Registry:
    resource = Resource.from_contents(_absolute(_document()), DRAFT202012)
    return Registry().with_resource(URI, resource)


def _operation(method: str, path: str) -> dict[str, Any] | None:
    for template, operations in _templates():
        if template.fullmatch(path) and method in operations:
            return operations[method]
    return None


@cache
def _templates() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Literal paths before those with parameters: /v1/avatars/public is no id."""
    paths = sorted(_document()["paths"].items(), key=lambda item: "{" in item[0])
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations) for path, operations in paths]


def _absolute(value: Any) -> Any:
    if isinstance(value, list):
        return [_absolute(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: f"{URI}{item}" if key == "$ref" and item.startswith("#") else _absolute(item)
        for key, item in value.items()
    }
