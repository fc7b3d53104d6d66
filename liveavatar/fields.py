"""Reading one JSON object of an answer, field by field, trusting nothing.

What we cannot do without is asked for with `text` and friends, which raise Garbled; what we can do without
comes as None (or a stated default) when it is missing, null or of another type. Unknown fields are ignored.
Errors name fields and never quote values, because a value may be a token.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from liveavatar.errors import Garbled

LARGEST = 2**63 - 1  # what a database column can hold


class Fields:
    """A JSON object in the answer to `call`; Garbled when it is anything else."""

    __slots__ = ("_call", "_members")

    def __init__(self, value: object, call: str) -> None:
        if not isinstance(value, dict):
            raise Garbled(call, "an object was expected in the answer")
        self._members = value
        self._call = call

    def __repr__(self) -> str:
        return f"<Fields of the answer to {self._call}>"

    def text(self, name: str) -> str:
        """Text that must be there and must not be empty."""
        found = self.text_or_none(name)
        if not found:
            raise self._lacks(name, "text")
        return found

    def text_or_none(self, name: str) -> str | None:
        value = self._members.get(name)
        return _storable(value) if isinstance(value, str) else None

    def url_or_none(self, name: str) -> str | None:
        """An http(s) URL; other schemes have no business in a page."""
        found = self.text_or_none(name)
        return found if found and found.startswith(("https://", "http://")) else None

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._members.get(name)
        return (
            tuple(_storable(item) for item in value if isinstance(item, str))
            if isinstance(value, list)
            else ()
        )

    def flag(self, name: str) -> bool:
        return self._members.get(name) is True

    def integer_or_none(self, name: str) -> int | None:
        value = self._members.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST:
            return None
        return value

    def decimal(self, name: str) -> Decimal:
        found = self.decimal_or_none(name)
        if found is None:
            raise self._lacks(name, "a number")
        return found

    def decimal_or_none(self, name: str) -> Decimal | None:
        """A finite number of sane size, sent as a number or as text."""
        value = self._members.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        try:
            number = Decimal(value if isinstance(value, int) else str(value))
        except InvalidOperation:
            return None
        return number if number.is_finite() and abs(number.adjusted()) <= 18 else None

    def moment_or_none(self, name: str) -> datetime | None:
        """An ISO 8601 time; one without a zone is taken as UTC."""
        value = self._members.get(name)
        if not isinstance(value, str):
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def object_or_none(self, name: str) -> "Fields | None":
        value = self._members.get(name)
        return Fields(value, self._call) if isinstance(value, dict) else None

    def objects(self, name: str) -> Iterator["Fields"]:
        """A list of objects that must be there."""
        value = self._members.get(name)
        if not isinstance(value, list):
            raise self._lacks(name, "a list")
        return (Fields(item, self._call) for item in value)

    def objects_or_none(self, name: str) -> Iterator["Fields"]:
        """A list of objects; empty when it is missing or null."""
        return self.objects(name) if self._members.get(name) is not None else iter(())

    def garbled(self, what: str) -> Garbled:
        """The error to raise about this object."""
        return Garbled(self._call, what)

    def _lacks(self, name: str, kind: str) -> Garbled:
        return self.garbled(f"the answer lacks {name} ({kind})")


def _storable(text: str) -> str:
    """Without half surrogate pairs and NULs, which JSON can carry and neither UTF-8 nor PostgreSQL can."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
