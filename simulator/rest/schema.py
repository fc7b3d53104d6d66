"""Helpers for JSON schemas (JSON Schema 2020-12, as OpenAPI 3.1 uses it).

A schema with a title becomes a component of the OpenAPI document.
"""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
UUID: Schema = {"type": "string", "format": "uuid"}
TIME: Schema = {"type": "string", "format": "date-time"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
NULL: Schema = {"type": "null"}


def answer(title: str, optional: Schema | None = None, **properties: Schema) -> Schema:
    """Return the schema of an object with exactly these members; the `optional` ones may be missing."""
    return {
        "title": title,
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


def body(title: str, required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    """Return the schema of an object in a request; unknown members are allowed and ignored."""
    schema = {"title": title, "type": "object", "properties": properties}
    return {**schema, "required": list(required)} if required else schema


def one_of(*options: str, default: str | None = None) -> Schema:
    schema: Schema = {"type": "string", "enum": list(options)}
    return schema if default is None else {**schema, "default": default}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, NULL]}


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def mapping(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def paged(entry: Schema) -> Schema:
    """Return the schema of a page of a list, as built by `simulator.rest.paging`."""
    return answer(
        f"{entry['title']}Page",
        count=WHOLE,
        next=nullable(TEXT),
        previous=nullable(TEXT),
        results=array(entry),
    )
