"""What the service remembers of sessions: their list and their transcripts (LiveAvatar OpenAPI document)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Self

from liveavatar.fields import Fields
from liveavatar.wire import EndReason, Mode


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session in the account's lists; `duration` is in seconds, the last two are None while it runs."""

    session_id: str
    mode: Mode | None
    source: str | None
    is_sandbox: bool
    created_at: datetime | None
    updated_at: datetime | None
    duration: int | None
    credits_consumed: Decimal | None
    ended_at: datetime | None
    end_reason: EndReason | None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            session_id=fields.text("id"),
            mode=Mode.read(fields.text_or_none("mode")),
            source=fields.text_or_none("source"),
            is_sandbox=fields.flag("is_sandbox"),
            created_at=fields.moment_or_none("created_at"),
            updated_at=fields.moment_or_none("updated_at"),
            duration=fields.integer_or_none("duration"),
            credits_consumed=fields.decimal_or_none("credits_consumed"),
            ended_at=fields.moment_or_none("end_at"),
            end_reason=EndReason.read(fields.text_or_none("end_reason")),
        )


@dataclass(frozen=True, slots=True)
class TranscriptLine:
    """What one side said: `role` is "user" or "avatar", the timestamps are as the service sends them."""

    role: str
    text: str
    absolute_timestamp: int | None
    relative_timestamp: int | None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            role=fields.text("role"),
            text=fields.text_or_none("transcript") or "",
            absolute_timestamp=fields.integer_or_none("absolute_timestamp"),
            relative_timestamp=fields.integer_or_none("relative_timestamp"),
        )


@dataclass(frozen=True, slots=True)
class Transcript:
    """A stretch of a session's transcript; pass `next_timestamp` as the start of the next stretch."""

    session_active: bool
    next_timestamp: int | None
    lines: tuple[TranscriptLine, ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            session_active=fields.flag("session_active"),
            next_timestamp=fields.integer_or_none("next_timestamp"),
            lines=tuple(TranscriptLine.read(line) for line in fields.objects("transcript_data")),
        )
