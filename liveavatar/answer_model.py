"""The base of the models that the vendor's answers are read into, and the types of their members.

Nothing in an answer is trusted. A member that a caller cannot do without is required: when it is missing, null, empty,
too long or of another type, the answer cannot be used. Every other member then falls back to its default. Unknown
members are ignored. Errors name the paths of members and the kinds of flaws, never values: a value may be a token.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StrictBool,
    StrictInt,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import CoreSchema, PydanticOmit, core_schema

# Characters, as many as the site's columns hold.
LONGEST_ID = 64
LONGEST_NAME = 200
LONGEST_CODE = 16
LONGEST_PREVIEW_URL = 1000
LONGEST_ROOM_URL = 500
LARGEST_INTEGER = 2**63 - 1

MOST_FLAWS = 5  # that an error or a log line names

Entry = TypeVar("Entry")


class AnswerModel(BaseModel):
    """A JSON object of an answer. It is read by the vendor's names of its members, and made by ours."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, validate_by_name=True)


def describe_flaws(error: ValidationError) -> str:
    """Return the paths and the kinds of an error's flaws, such as "session_id (missing)", and none of its values."""
    flaws = error.errors(include_url=False, include_context=False, include_input=False)[:MOST_FLAWS]
    return ", ".join(f"{'.'.join(map(str, flaw['loc'])) or 'data'} ({flaw['type']})" for flaw in flaws)


@dataclass(frozen=True, slots=True)
class OrDefault:
    """Annotates a member whose unusable value is replaced by `default`."""

    default: object = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_default_schema(handler(source), default=self.default, on_error="default")


def _replace_unstorable(value: object) -> object:
    """Replace half surrogate pairs and NULs: JSON can carry them, UTF-8 and PostgreSQL cannot."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _without_fraction(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _omit_unreadable(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    try:
        return handler(value)
    except ValidationError as error:
        _record_left_out(error, info)
    raise PydanticOmit


def _none_if_unreadable(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    try:
        return handler(value)
    except ValidationError as error:
        _record_left_out(error, info)
    return None


def _record_left_out(error: ValidationError, info: ValidationInfo) -> None:
    """Add a description to the list that Payload.read passes as the context."""
    if info.context is not None:
        info.context.append(f"{info.field_name or 'entry'}: {describe_flaws(error)}")


Storable = BeforeValidator(_replace_unstorable)

# Text that is required.
Text = Annotated[str, StringConstraints(min_length=1), Storable]
Secret = Annotated[Text, Field(repr=False)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID), Storable]
Code = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_CODE), Storable]
RoomUrl = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ROOM_URL), Storable]

# Text that has a default. A page shows previews, so only web addresses are taken.
TextOrEmpty = Annotated[str, Storable, OrDefault("")]
TextOrNone = Annotated[Annotated[str, Storable] | None, OrDefault()]
SecretOrNone = Annotated[TextOrNone, Field(repr=False)]
Name = Annotated[str, Storable, AfterValidator(lambda name: name[:LONGEST_NAME]), OrDefault("")]
WebUrl = Annotated[str, StringConstraints(max_length=LONGEST_PREVIEW_URL, pattern="^https?://"), Storable]
PreviewUrl = Annotated[WebUrl | None, OrDefault()]

# Numbers, times and flags. An amount is sent as a number or as text. A time without a zone is in UTC.
Amount = Annotated[Decimal, Field(max_digits=38, decimal_places=19)]
AmountOrNone = Annotated[Amount | None, OrDefault()]
Integer = Annotated[
    StrictInt, Field(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER), BeforeValidator(_without_fraction)
]
IntegerOrNone = Annotated[Integer | None, OrDefault()]
TimeOrNone = Annotated[Annotated[datetime, AfterValidator(_in_utc)] | None, OrDefault()]
Flag = Annotated[StrictBool, OrDefault(False)]

# A list without its unreadable entries, and an object that is None when it is unreadable. Payload.read logs both.
Entries = tuple[Annotated[Entry, WrapValidator(_omit_unreadable)], ...]
ObjectOrNone = Annotated[Entry | None, WrapValidator(_none_if_unreadable)]
