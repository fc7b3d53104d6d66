"""Check every answer that a test gets from the simulator against the simulator's own OpenAPI document."""

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
    """Check one answer. An httpx event hook; answers of rooms, pictures and console are not checked."""
    request = response.request
    # The raw path: an id may hold an encoded slash.
    path = request.url.raw_path.decode().partition("?")[0]
    if not path.startswith(("/v1/", "/v2/", "/embed/")) or request.method in ("HEAD", "OPTIONS"):
        return
    await response.aread()
    if response.is_redirect:
        return
    operation = _operation(request.method.lower(), path)
    if operation is None:
        # There is no endpoint with this path and method, so the answer must be an error.
        assert response.status_code in (404, 405), (
            f"{request.method} {path} is served but not in the document"
        )
        _check(ERROR, response)
        return
    described = operation["responses"]
    status = str(response.status_code)
    found = described.get(status) or described.get(f"{status[0]}XX")
    assert found is not None, f"{request.method} {path} answers {status}: not in the document"
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
    """Return the paths as patterns. Literal paths come first: in /v1/avatars/public, `public` is not an id."""
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
