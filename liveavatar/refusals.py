"""From an answer that says no to the error that says why.

The bodies come in two dialects: FastAPI's, as documented, `{"detail": [{"loc": [...], "msg": ...}]}`, and the envelope
with code 4000, as observed, whose `data` lists objects with a `message`. Both are read.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field, StringConstraints, model_validator

from liveavatar.answer_model import AnswerModel, Entries, OrDefault
from liveavatar.errors import (
    AuthRejected,
    ConcurrencyReached,
    NoCredits,
    NotFound,
    RateLimited,
    Rejected,
    ServerFault,
    ValidationRejected,
)

MOST_MESSAGES = 10
LONGEST_MESSAGE = 300  # characters

BY_CODE = {4000: ValidationRejected, 4003: AuthRejected, 4032: ConcurrencyReached, 4033: NoCredits}
BY_STATUS = {400: ValidationRejected, 401: AuthRejected, 404: NotFound, 422: ValidationRejected}


class Complaint(AnswerModel):
    """One sentence of the vendor's about a request, and the path of the member it is about. Text alone is one too."""

    message: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
        validation_alias=AliasChoices("message", "msg")
    )
    loc: Annotated[Entries[str | int], OrDefault(())] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return {"message": value} if isinstance(value, str) else value

    def __str__(self) -> str:
        path = ".".join(map(str, self.loc))
        return f"{path}: {self.message}" if path else self.message


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | dict) else value


def _unless_text(value: object) -> object:
    return None if isinstance(value, str) else value


Complaints = Annotated[Entries[Complaint], BeforeValidator(_listed), OrDefault(())]


class RefusedAnswer(AnswerModel):
    """The places of the vendor's words, the most precise first. A text as `data` is a payload."""

    detail: Complaints = ()
    data: Annotated[Complaints, BeforeValidator(_unless_text)] = ()
    error: Complaints = ()
    message: Complaints = ()


def vendor_messages(members: Mapping[str, Any], redact: Callable[[str], str]) -> tuple[str, ...]:
    """Return the vendor's words in the most precise place that holds any, without secrets, each on one line."""
    answer = RefusedAnswer.model_validate(members)
    complaints = answer.detail or answer.data or answer.error or answer.message
    return tuple(_printable(redact(str(complaint))) for complaint in complaints[:MOST_MESSAGES])


def refusal(
    call: str, status: int, code: int | None, messages: tuple[str, ...], retry_after: str | None
) -> Rejected:
    """Return the error to raise. `retry_after` is the header of that name."""
    if status == 429:
        wait = seconds_until(retry_after, datetime.now(UTC))
        return RateLimited(call, status, code, messages, retry_after=wait)
    if status >= 500:
        return ServerFault(call, status, code, messages)
    kind = BY_CODE.get(code or 0) or BY_STATUS.get(status, Rejected)
    return kind(call, status, code, messages)


def seconds_until(retry_after: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, in its form of seconds or of an HTTP date.

    None when there is no header, or none that can be read.
    """
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            when = parsedate_to_datetime(retry_after)
        except (ValueError, OverflowError):
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _printable(text: str) -> str:
    """Return one printable line of bounded length: such words end up in log files."""
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return line if len(line) <= LONGEST_MESSAGE else line[:LONGEST_MESSAGE] + "…"
