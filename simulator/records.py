"""Convert frozen dataclasses to JSON and back by their annotations, for the store."""

import json
import types
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def to_json(record: Any) -> str:
    """Return the dataclass instance as one JSON object."""
    return json.dumps(asdict(record), default=_plain)


def from_json(kind: type[Record], text: str) -> Record:
    """Build a `kind` from the JSON that `to_json` wrote. Drop unknown members; missing ones take their default.

    Raises ValueError, KeyError or TypeError for any other text.
    """
    return cast(Record, _built(kind, json.loads(text)))


def _plain(value: object) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case Decimal():
            return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def _built(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(choice for choice in get_args(kind) if choice is not type(None))
    if get_origin(kind) is tuple:
        return tuple(_built(get_args(kind)[0], item) for item in value)
    if is_dataclass(kind) and isinstance(value, Mapping):
        hints = get_type_hints(kind)
        given = {field.name for field in fields(kind)} & value.keys()
        return cast(type, kind)(**{name: _built(hints[name], value[name]) for name in given})
    if kind is datetime:
        return datetime.fromisoformat(value)
    if isinstance(kind, type) and issubclass(kind, Decimal | Enum):
        return kind(value)
    return value
