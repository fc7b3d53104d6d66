"""`/openapi.json`: the document of `/v1`, `/v2` and `/embed`, built from the table of endpoints."""

from collections.abc import Iterable
from typing import Any

from simulator.rest.endpoints import Endpoint
from simulator.rest.schema import TEXT, WHOLE, Schema, answer, array, nullable

SUCCESS: Schema = {"const": 1000}
PROBLEM = answer("Problem", loc=array({"anyOf": [TEXT, WHOLE]}), msg=TEXT, type=TEXT)
ERROR = answer(
    "Error",
    {"detail": array(PROBLEM)},
    code={**WHOLE, "minimum": 4000, "maximum": 5999},
    data=nullable(array(answer("Message", message=TEXT))),
    message={**TEXT, "minLength": 1},
)
SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "none": [],
    "key": [{"ApiKey": []}],
    "bearer": [{"SessionToken": []}],
    "either": [{"ApiKey": []}, {"SessionToken": []}],
}


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document. Raises ValueError when two different schemas have the same title."""
    schemas: dict[str, Schema] = {}
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        operations = paths.setdefault(each.path, {})
        operations[each.method.lower()] = _with_references(_operation(each), schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "LiveAvatar, simulated",
            "version": "1",
            "description": "The REST API of the simulator of HeyGen LiveAvatar.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-KEY"},
                "SessionToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": f"{endpoint.handler.__module__.rpartition('.')[2]}_{endpoint.handler.__name__}",
        "security": SECURITY[endpoint.auth],
        "parameters": _parameters(endpoint),
        "responses": {
            str(int(endpoint.status)): _response("Success", endpoint),
            "4XX": {"description": "Refused", **_json(ERROR)},
            "5XX": {"description": "Failed, or not simulated", **_json(ERROR)},
        },
    }
    if endpoint.body is not None:
        # Not `required`: start, stop and keep-alive accept a missing body.
        operation["requestBody"] = _json(endpoint.body)
    return operation


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")]
    in_path = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in names]
    in_query = [
        {"name": name, "in": "query", "required": name in endpoint.required_query, "schema": schema}
        for name, schema in (endpoint.query or {}).items()
    ]
    return in_path + in_query


def _response(description: str, endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.data is None:
        return {"description": description}
    envelope = {
        "type": "object",
        "properties": {"code": SUCCESS, "data": endpoint.data, "message": TEXT},
        "required": ["code", "data", "message"],
        "additionalProperties": False,
    }
    return {"description": description, **_json(envelope)}


def _json(schema: Schema) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _with_references(value: Any, schemas: dict[str, Schema]) -> Any:
    """Return `value` with every titled schema moved to `schemas` and replaced by a reference."""
    if isinstance(value, list):
        return [_with_references(item, schemas) for item in value]
    if not isinstance(value, dict):
        return value
    moved = {key: _with_references(item, schemas) for key, item in value.items()}
    title = moved.get("title")
    if not isinstance(title, str):
        return moved
    if schemas.setdefault(title, moved) != moved:
        raise ValueError(f"two different schemas have the title {title}")
    return {"$ref": f"#/components/schemas/{title}"}
