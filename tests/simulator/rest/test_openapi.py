"""The simulator's OpenAPI document. `simulated_service` checks every answer against it."""

from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from rigs.services.openapi_checks import check_answer
from rigs.services.simulated_service import KEY, simulated_service
from simulator.rest import ENDPOINTS
from simulator.rest.endpoints import routes
from simulator.rest.openapi import document

# An id for the paths with a parameter. These tests do not need it to exist.
SOME_ID = "00000000-0000-4000-8000-000000000000"


def test_every_endpoint_is_described_once() -> None:
    described = [
        (method.upper(), path)
        for path, operations in document(ENDPOINTS)["paths"].items()
        for method in operations
    ]

    assert sorted(described) == sorted((route.method, route.path) for route in routes(ENDPOINTS))


async def test_the_served_methods_are_the_described_ones() -> None:
    async with simulated_service() as service:
        served = (await service.http.get("/openapi.json")).json()
        allowed = {}
        for path in served["paths"]:
            name = path[path.find("{") :].partition("}")[0] + "}"
            response = await service.http.put(path.replace(name, SOME_ID), headers=KEY)
            assert response.status_code == 405
            allowed[path] = set(response.headers["Allow"].split(",")) - {"HEAD"}

    assert served == document(ENDPOINTS)
    for path, operations in served["paths"].items():
        # A literal path such as /v1/avatars/public also matches /v1/avatars/{avatar_id} and allows its methods.
        assert {method.upper() for method in operations} <= allowed[path]
        assert "{" not in path or allowed[path] == {method.upper() for method in operations}


def schemas_in(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [schema for item in value for schema in schemas_in(item)]
    if not isinstance(value, dict):
        return []
    own = [value["schema"]] if isinstance(value.get("schema"), dict) else []
    return own + [schema for item in value.values() for schema in schemas_in(item)]


def test_every_schema_is_a_valid_json_schema() -> None:
    described = document(ENDPOINTS)

    schemas = [*schemas_in(described["paths"]), *described["components"]["schemas"].values()]

    assert len(schemas) > 100
    for schema in schemas:
        Draft202012Validator.check_schema(schema)


def test_operation_ids_are_unique() -> None:
    operations = [
        operation["operationId"]
        for operations in document(ENDPOINTS)["paths"].values()
        for operation in operations.values()
    ]

    assert len(set(operations)) == len(operations)


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, {"code": 1000, "data": {"credits_left": 12}, "message": "success"}, "not of type 'string'"),
        (200, {"code": 1000, "data": {}, "message": "success"}, "is a required property"),
        (200, {"code": 100, "data": {"credits_left": "12"}, "message": "success"}, "1000 was expected"),
        (200, {"code": 1000, "data": {"credits_left": "1", "x": 1}, "message": ""}, "Additional properties"),
        (201, {"code": 1000, "data": {"credits_left": "12"}, "message": "success"}, "not in the document"),
        (404, {"code": 1000, "data": None, "message": "x"}, "less than the minimum"),
    ],
)
async def test_an_answer_that_differs_from_the_document_fails_its_test(
    status: int, body: dict[str, Any], why: str
) -> None:
    request = httpx.Request("GET", "http://127.0.0.1/v1/users/credits")

    with pytest.raises(AssertionError, match=why):
        await check_answer(httpx.Response(status, json=body, request=request))
