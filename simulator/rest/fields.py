"""Read a JSON object field by field and collect all errors before refusing it."""

import json
from collections.abc import Collection
from typing import Any
from uuid import UUID

from aiohttp import web

from simulator import refusals
from simulator.refusals import Problem

MISSING = object()


async def read_json(request: web.Request) -> Any:
    """Return the parsed body, None for an empty one: clients start and stop sessions without a body.

    Raises Refusal (422) when the body is not JSON.
    """
    body = await request.read()
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise refusals.invalid(Problem(("body",), "JSON decode error")) from None


def parse_uuid(value: object) -> str | None:
    """Return the canonical text of a UUID; None for any other value.

    Any version is accepted: the demo's context id is a version 1.
    """
    if not isinstance(value, str):
        return None
    try:
        return str(UUID(value))
    except ValueError:
        return None


class Fields:
    """A reader of one JSON object. For an invalid field a getter notes an error and returns a placeholder.

    After reading, call `check`: it raises if there were errors. The messages are pydantic's, like the real service's.
    Unknown fields are ignored.
    """

    def __init__(
        self,
        value: object,
        path: tuple[str | int, ...] = ("body",),
        problems: list[Problem] | None = None,
    ) -> None:
        self.path = path
        self.problems = [] if problems is None else problems
        self._values: dict[str, Any] = {}
        if isinstance(value, dict):
            self._values = value
        else:
            self.problem("Input should be a valid dictionary")

    def __contains__(self, name: str) -> bool:
        """Tell whether the field is present and not null."""
        return self._values.get(name) is not None

    def problem(self, message: str, name: str = "") -> None:
        """Note an error of the object, or of its field `name`."""
        where = (*self.path, name) if name else self.path
        self.problems.append(Problem(where, message))

    def check(self) -> None:
        """Raise Refusal (422) with all errors noted so far, if there are any."""
        if self.problems:
            raise refusals.invalid(*self.problems)

    def get(self, name: str) -> Any:
        """Return the raw value, None when the field is absent."""
        return self._values.get(name)

    def uuid(self, name: str) -> str:
        """Return a required UUID in canonical form."""
        if name not in self._values:
            self.problem("Field required", name)
            return ""
        parsed = parse_uuid(self._values[name])
        if parsed is None:
            self.problem("Input should be a valid UUID", name)
        return parsed or ""

    def optional_uuid(self, name: str) -> str | None:
        return self.uuid(name) if name in self else None

    def text(self, name: str, longest: int | None = None) -> str:
        """Return a required, non-empty text of at most `longest` characters."""
        if name not in self._values:
            self.problem("Field required", name)
            return ""
        value: object = self._values[name]
        if not isinstance(value, str):
            self.problem("Input should be a valid string", name)
            return ""
        if not value:
            self.problem("String should have at least 1 character", name)
        if longest is not None and len(value) > longest:
            self.problem(f"String should have at most {longest} characters", name)
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a text, which may be empty; None when the field is absent or null."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, str):
            self.problem("Input should be a valid string", name)
            return None
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean, `default` when the field is absent. Null is an error."""
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            self.problem("Input should be a valid boolean", name)
            return default
        return value

    def choice(self, name: str, options: Collection[str], default: str | None = None) -> str:
        """Return one of `options`. The field is required when there is no default."""
        if default is None and name not in self._values:
            self.problem("Field required", name)
            return ""
        value = self._values.get(name, default)
        if value not in tuple(options):
            self.problem(f"Input should be {_alternatives(options)}", name)
            return default or ""
        return str(value)

    def number(self, name: str, low: float, high: float, default: float) -> float:
        """Return a number from `low` to `high`, both inclusive. `default` is the value of an absent field."""
        value = self._values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problem("Input should be a valid number", name)
            return default
        if not low <= value <= high:
            self.problem(
                f"Input should be greater than or equal to {low:g} and less than or equal to {high:g}", name
            )
        return value

    def optional_count(self, name: str) -> int | None:
        """Return a whole number above 0, None when the field is absent or null."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.problem("Input should be a valid integer", name)
            return None
        if value < 1:
            self.problem("Input should be greater than 0", name)
        return value

    def inner(self, name: str) -> "Fields | None":
        """Return a reader of the object in field `name`, None when it is absent. Its errors are noted here too."""
        if name not in self:
            return None
        return Fields(self._values[name], (*self.path, name), self.problems)

    def list_of(self, name: str) -> list["Fields"]:
        """Return a reader for each object of the list in field `name`."""
        values = self._values.get(name)
        if values is None:
            return []
        if not isinstance(values, list):
            self.problem("Input should be a valid list", name)
            return []
        return [Fields(value, (*self.path, name, index), self.problems) for index, value in enumerate(values)]


def _alternatives(options: Collection[str]) -> str:
    quoted = [f"'{option}'" for option in options]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
