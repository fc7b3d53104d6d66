"""Sessions as the vendor answers: created, started, remembered, and their transcripts (LiveAvatar OpenAPI document)."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from liveavatar.answer_model import (
    AmountOrNone,
    AnswerModel,
    Entries,
    Flag,
    Id,
    IntegerOrNone,
    OrDefault,
    RoomUrl,
    Secret,
    SecretOrNone,
    Text,
    TextOrEmpty,
    TextOrNone,
    TimeOrNone,
)
from liveavatar.credentials import fits_header
from liveavatar.session_requests import EndReason, Mode


def _require_header_text(token: str) -> str:
    if not fits_header(token):
        raise PydanticCustomError("unfit_for_a_header", "no header can carry this token")
    return token


class SessionToken(AnswerModel):
    """A created session, not yet running and not yet billed, and the token that starts it.

    `in_own_room` is not the vendor's: the session was asked for with a room of ours.
    """

    session_id: Id
    session_token: Annotated[Secret, AfterValidator(_require_header_text)]
    in_own_room: Flag = False


class StartedSession(AnswerModel):
    """A running, billed session and the way into its room. Only the client token may reach a browser.

    `max_session_duration` is in seconds. `livekit_agent_token` and `ws_url`, which holds a secret too, are
    None in FULL sessions. The other LiveKit members are None in CUSTOM sessions in a room of ours.
    """

    session_id: Id
    livekit_url: Annotated[RoomUrl | None, OrDefault()] = None
    livekit_client_token: SecretOrNone = None
    livekit_agent_token: SecretOrNone = None
    ws_url: SecretOrNone = None
    max_session_duration: IntegerOrNone = None


class StartedInHostedRoom(StartedSession):
    """Started in a room of the vendor's: without its address and a token the visitor cannot join."""

    livekit_url: RoomUrl
    livekit_client_token: Secret


class StartedInOwnRoom(StartedSession):
    """Started in a room of ours: without the media websocket the avatar cannot be made to speak."""

    ws_url: Secret


class SessionSummary(AnswerModel):
    """A session in the account's lists. `duration` is in seconds; the last two are None while it runs."""

    session_id: Id = Field(validation_alias="id")
    mode: Annotated[Mode | None, OrDefault()] = None
    source: TextOrNone = None
    is_sandbox: Flag = False
    created_at: TimeOrNone = None
    updated_at: TimeOrNone = None
    duration: IntegerOrNone = None
    credits_consumed: AmountOrNone = None
    ended_at: TimeOrNone = Field(default=None, validation_alias="end_at")
    end_reason: Annotated[EndReason | None, OrDefault()] = None


class TranscriptLine(AnswerModel):
    """What one side said: `role` is "user" or "avatar", the timestamps are as the vendor sends them."""

    role: Text
    text: TextOrEmpty = Field(default="", validation_alias="transcript")
    absolute_timestamp: IntegerOrNone = None
    relative_timestamp: IntegerOrNone = None


class Transcript(AnswerModel):
    """A stretch of a session's transcript. `next_timestamp` is the start of the next stretch."""

    session_active: Flag = False
    next_timestamp: IntegerOrNone = None
    lines: Entries[TranscriptLine] = Field(validation_alias="transcript_data")
