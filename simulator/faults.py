"""What a fault on purpose is: a name, words for people, and the parameters it needs to be told."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Value = float | str | bool
Values = Mapping[str, Value]


class BadFault(ValueError):
    """What was asked for is no fault there is; `problems` says so in sentences."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Number:
    name: str
    words: str
    default: float
    low: float = 0
    high: float = 600

    def read(self, value: object) -> Value:
        """Numbers come as texts from forms. Raises BadFault."""
        try:
            number = float(value) if isinstance(value, int | float | str) else math.nan
        except ValueError:
            number = math.nan
        if isinstance(value, bool) or not self.low <= number <= self.high:
            raise BadFault(f"{self.name} must be a number from {self.low:g} to {self.high:g}")
        return number


@dataclass(frozen=True, slots=True)
class Choice:
    name: str
    words: str
    options: tuple[str, ...]

    @property
    def default(self) -> str:
        return self.options[0]

    def read(self, value: object) -> Value:
        """Raises BadFault."""
        if value not in self.options:
            raise BadFault(f"{self.name} must be one of {', '.join(self.options)}")
        return str(value)


Parameter = Number | Choice


@dataclass(frozen=True, slots=True)
class Fault:
    """`of` a request: befalls calls of the REST API. `of` a session: befalls running sessions.

    A `passing` one happens once; the others last until they are switched off.
    """

    name: str
    of: Literal["request", "session"]
    title: str
    words: str
    parameters: tuple[Parameter, ...] = ()
    passing: bool = False
    needs_embedded_rooms: bool = False

    def read(self, values: Mapping[str, object]) -> Values:
        """The fault's parameters out of untrusted ones, with defaults for those left out. Raises BadFault."""
        problems = [
            f"{self.name} has no parameter {name!r}" for name in sorted(set(values) - self.parameter_names())
        ]
        found: dict[str, Value] = {}
        for parameter in self.parameters:
            try:
                found[parameter.name] = parameter.read(values.get(parameter.name, parameter.default))
            except BadFault as bad:
                problems += bad.problems
        if problems:
            raise BadFault(*problems)
        return found

    def parameter_names(self) -> set[str]:
        return {parameter.name for parameter in self.parameters}
