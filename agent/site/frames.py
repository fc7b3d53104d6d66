"""The frames that the site sends (docs/protocol.md)."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Turn(_Frozen):
    """One finished turn of the conversation."""

    role: Literal["user", "avatar"]
    text: str


History = tuple[Turn, ...]  # oldest first


class Context(_Frozen):
    """The vendor's context: what the avatar knows, and how it opens."""

    prompt: str
    opening_text: str
    faqs: tuple[str, ...]


class AgentConfig(_Frozen):
    """Whom the agent speaks for. `history` is not empty when the agent replaces a lost one."""

    avatar_name: str
    language: str
    context: Context
    history: History


class SessionAccess(_Frozen):
    """The avatar's media websocket and, for a session in a room of the service, that room."""

    ws_url: str = Field(repr=False)
    room_url: str = ""
    room_token: str = Field(default="", repr=False)


class Welcome(AgentConfig):
    """The lease is ours. `ack`: the highest stored sequence number; `renew_every`: seconds."""

    type: Literal["welcome"]
    ack: int
    renew_every: float
    start: SessionAccess | None


class SessionStarted(_Frozen):
    type: Literal["start"]
    start: SessionAccess


class Ack(_Frozen):
    type: Literal["ack"]
    ack: int


class HistoryAnswer(_Frozen):
    type: Literal["history"]
    history: History


class StaffCommand(_Frozen):
    """`command` has the form of a page's command, and is read like one."""

    type: Literal["do"]
    command: object


class SessionEnded(_Frozen):
    type: Literal["end"]
    reason: str


SiteFrame = Welcome | SessionStarted | Ack | HistoryAnswer | StaffCommand | SessionEnded
_frames: TypeAdapter[SiteFrame] = TypeAdapter(Annotated[SiteFrame, Field(discriminator="type")])


def parse_frame(text: str) -> SiteFrame | None:
    """Read a frame; None for a type that a newer site may send. Raises ValidationError, a ValueError."""
    try:
        return _frames.validate_json(text)
    except ValidationError as error:
        if error.errors()[0]["type"] == "union_tag_invalid":
            return None
        raise
