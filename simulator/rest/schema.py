"""The words the API is described in: JSON Schema 2020-12, as OpenAPI 3.1 has it.

A schema with a title becomes one of the document's components.
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
    """An object of exactly these members, of which the `optional` may be missing."""
    return {
        "title": title,
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


def body(title: str, required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    """An object in a request; members it does not name are ignored."""
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
    """A page of a list, as `simulator.rest.paging` makes it."""
    return answer(
        f"{entry['title']}Page",
        count=WHOLE,
        next=nullable(TEXT),
        previous=nullable(TEXT),
        results=array(entry),
    )
