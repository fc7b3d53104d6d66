"""Reading a JSON object field by field, gathering all that is wrong with it before refusing."""

import json
from collections.abc import Collection
from typing import Any
from uuid import UUID

from aiohttp import web

from simulator import refusals
from simulator.refusals import Problem

MISSING = object()


async def read_json(request: web.Request) -> Any:
    """The body, None when it is empty: clients send a JSON content type without a body to start and stop.

    Raises Refusal (422) when it is not JSON.
    """
    body = await request.read()
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise refusals.invalid(Problem(("body",), "JSON decode error")) from None


def parse_uuid(value: object) -> str | None:
    """Canonical text of a UUID of any version (the demo's context id is a version 1); None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        return str(UUID(value))
    except ValueError:
        return None


class Fields:
    """One JSON object being read. Getters return a stand-in for what is wrong; `check` then refuses.

    Messages are in the words of pydantic, with which the real service validates. Unknown fields are ignored.
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
        """Whether the field was given and is not null."""
        return self._values.get(name) is not None

    def problem(self, message: str, name: str = "") -> None:
        """Note a fault of the object, or of its field `name`."""
        where = (*self.path, name) if name else self.path
        self.problems.append(Problem(where, message))

    def check(self) -> None:
        """Raises Refusal (422) when anything read so far was wrong."""
        if self.problems:
            raise refusals.invalid(*self.problems)

    def get(self, name: str) -> Any:
        """The raw value, None when it is absent."""
        return self._values.get(name)

    def uuid(self, name: str) -> str:
        """A required UUID."""
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
        """A required text, not empty."""
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
        value = self._values.get(name)
        if value is not None and not isinstance(value, str):
            self.problem("Input should be a valid string", name)
            return None
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            self.problem("Input should be a valid boolean", name)
            return default
        return value

    def choice(self, name: str, options: Collection[str], default: str | None = None) -> str:
        """One of `options`; required when there is no default."""
        if default is None and name not in self._values:
            self.problem("Field required", name)
            return ""
        value = self._values.get(name, default)
        if value not in tuple(options):
            self.problem(f"Input should be {_alternatives(options)}", name)
            return default or ""
        return str(value)

    def number(self, name: str, low: float, high: float, default: float) -> float:
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
        """A whole number above 0, or nothing."""
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
        """The object in field `name`, whose faults count as this one's; None when absent."""
        if name not in self:
            return None
        return Fields(self._values[name], (*self.path, name), self.problems)

    def list_of(self, name: str) -> list["Fields"]:
        """The objects in the list in field `name`."""
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
