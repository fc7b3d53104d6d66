"""The definition of a fault: its name, its description for the console, and its parameters."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Value = float | str | bool
Values = Mapping[str, Value]


class BadFault(ValueError):
    """The request names no valid fault or parameters. `problems` holds one sentence per mistake."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric parameter from `low` to `high`. `words` is its label."""

    name: str
    words: str
    default: float
    low: float = 0
    high: float = 600

    def read(self, value: object) -> Value:
        """Check a value; forms send numbers as texts. Raises BadFault."""
        try:
            number = float(value) if isinstance(value, int | float | str) else math.nan
        except ValueError:
            number = math.nan
        if isinstance(value, bool) or not self.low <= number <= self.high:
            raise BadFault(f"{self.name} must be a number from {self.low:g} to {self.high:g}")
        return number


@dataclass(frozen=True, slots=True)
class Choice:
    """A parameter with a fixed set of values. The first option is the default."""

    name: str
    words: str
    options: tuple[str, ...]

    @property
    def default(self) -> str:
        return self.options[0]

    def read(self, value: object) -> Value:
        """Check a value. Raises BadFault."""
        if value not in self.options:
            raise BadFault(f"{self.name} must be one of {', '.join(self.options)}")
        return str(value)


Parameter = Number | Choice


@dataclass(frozen=True, slots=True)
class Fault:
    """`of` says what the fault applies to: REST requests or running sessions. `words` is the description.

    A `passing` fault happens once. Other faults last until they are switched off.
    """

    name: str
    of: Literal["request", "session"]
    title: str
    words: str
    parameters: tuple[Parameter, ...] = ()
    passing: bool = False
    needs_embedded_rooms: bool = False

    def read(self, values: Mapping[str, object]) -> Values:
        """Check untrusted parameters and fill in defaults for missing ones. Raises BadFault."""
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
